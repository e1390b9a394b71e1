-- Chat requests of about 600 bytes for wrk: all requests are built once, then sent in turn, so that
-- many keys and models cost the load no more than one.
-- Arguments: number of keys, number of models, the body with %s for the model.
local requests, turn = {}, 0

function init(args)
  local keys, models = tonumber(args[1]), tonumber(args[2])
  local variants = math.min(math.max(keys, models), 10000)
  local key_step, model_step = keys / variants, models / variants
  for i = 0, variants - 1 do
    local model = string.format("bench-model-%05d", math.floor(i * model_step))
    local body = string.format(args[3], model)
    local headers = {
      ["Host"] = "127.0.0.1",
      ["Content-Type"] = "application/json",
      ["Authorization"] = string.format("Bearer sk-bench-%07d", math.floor(i * key_step)),
    }
    for name, value in pairs(wrk.headers) do headers[name] = value end -- from --header
    requests[i] = wrk.format("POST", "/v1/chat/completions", headers, body)
  end
  -- A fixed shuffle: neighbours in the key table must not be neighbours in time.
  math.randomseed(7)
  for i = variants - 1, 1, -1 do
    local j = math.random(0, i)
    requests[i], requests[j] = requests[j], requests[i]
  end
  count = variants
end

function request()
  turn = turn + 1
  if turn >= count then turn = 0 end
  return requests[turn]
end
