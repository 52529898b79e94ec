-- What wrk sends: browsers with sessions on all nodes, or with none. Arguments: METHOD BODY-BYTES CONNECTION NODES SESSIONS.
-- Prints requests, seconds, p50, p99 and p99.9 in milliseconds, and errors.

local folder = debug.getinfo(1, "S").source:match("^@(.*)/") or "."
local sessions = 64
local requests = {}
local turn = 0

function init(args)
   local method, body_bytes, connection, nodes = args[1], tonumber(args[2]), args[3], tonumber(args[4])
   local with_session = args[5] ~= "none"
   sessions = math.max(sessions, nodes)
   local browser = {}
   for line in io.lines(folder .. "/headers.txt") do
      browser[#browser + 1] = line
   end
   for session = 1, sessions do
      local lines = { method .. " " .. wrk.path .. " HTTP/1.1", "Host: shop.example.com" }
      for _, line in ipairs(browser) do
         lines[#lines + 1] = line
      end
      local cookie = string.format("; JSESSIONID=%032X.node%d", session, session % nodes + 1)
      lines[#lines + 1] = "Cookie: theme=dark" .. (with_session and cookie or "")
      lines[#lines + 1] = "Connection: " .. connection
      if body_bytes > 0 then
         lines[#lines + 1] = "Content-Length: " .. body_bytes
      end
      requests[session] = table.concat(lines, "\r\n") .. "\r\n\r\n" .. string.rep("x", body_bytes)
   end
end

function request()
   turn = turn % sessions + 1
   return requests[turn]
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format("result,%d,%.3f,%.3f,%.3f,%.3f,%d\n",
      summary.requests, summary.duration / 1e6,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency:percentile(99.9) / 1000,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
