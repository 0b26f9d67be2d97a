SELECT date_bin(INTERVAL '2 minutes', ts) AS minute, bit_or(level) AS bits, bit_xor(level) AS odd FROM sensors
GROUP BY 1
