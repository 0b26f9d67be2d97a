SELECT * FROM richst('UK', 1)
