SELECT * FROM richest('UK', 'two')
