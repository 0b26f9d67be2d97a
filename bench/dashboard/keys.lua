-- Asks for one key after another, from the file that KEYS names: a heading, then a key a line.
local keys, at = {}, 0
for line in io.lines(os.getenv("KEYS")) do keys[#keys + 1] = line end
request = function()
  at = at % (#keys - 1) + 1
  return wrk.format("GET", "/api/entities/customer_id/" .. keys[at + 1])
end
