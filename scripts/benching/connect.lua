-- connect.lua: for wrk: its threads, of one connection each, connect one after another, and then all begin at once.
-- QEMU's user network queues two new connections; whoever comes meanwhile would be let in a second later, or too late.

local STEP_MS = 20
local threads = 0

function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end

function init(args)
    count = tonumber(args[1])
    os.execute(string.format("sleep %.3f", STEP_MS / 1000))
end

function delay()
    local ms = begun and 0 or (count - number) * STEP_MS
    begun = true
    return ms
end
