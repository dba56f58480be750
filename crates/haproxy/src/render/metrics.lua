-- Answers /metrics of a listener: what HAProxy's own exporter says, in the words of the load
-- balancing API. HAProxy runs it; nothing in it is a tenant's.

-- How each family of HAProxy's is called, and what its labels mean.
local families = {
    { "haproxy_process_pool_", "octavia_memory_pool_", {} },
    { "haproxy_process_", "octavia_loadbalancer_", {} },
    { "haproxy_frontend_", "octavia_listener_", { proxy = "listener" } },
    { "haproxy_backend_", "octavia_pool_", { proxy = "pool" } },
    { "haproxy_server_", "octavia_member_", { proxy = "pool", server = "member" } },
}

-- Those of the process that concern its tenant; others tell of HAProxy or of the node.
local of_the_load_balancer = {}
for name in ([[
    pool_allocated_bytes pool_used_bytes pool_failures_total
    max_connections current_connections connections_total requests_total
    max_ssl_connections current_ssl_connections ssl_connections_total
    current_connection_rate limit_connection_rate max_connection_rate
    current_session_rate limit_session_rate max_session_rate
    current_ssl_rate limit_ssl_rate max_ssl_rate
    current_frontend_ssl_key_rate max_frontend_ssl_key_rate frontend_ssl_reuse
    current_backend_ssl_key_rate max_backend_ssl_key_rate
    ssl_cache_lookups_total ssl_cache_misses_total
    http_comp_bytes_in_total http_comp_bytes_out_total limit_http_comp
    listeners dropped_logs_total
]]):gmatch("%S+") do
    of_the_load_balancer["haproxy_process_" .. name] = true
end

-- Names that differ by more than their family.
local others = {
    octavia_pool_server_aborts_total = "octavia_pool_member_aborts_total",
    octavia_pool_active_servers = "octavia_pool_active_members",
    octavia_pool_backup_servers = "octavia_pool_backup_members",
}

local function renamed(name)
    if name:find("^haproxy_process_") and not of_the_load_balancer[name] then
        return nil
    end
    for _, family in ipairs(families) do
        local old, new, labels = table.unpack(family)
        if name:sub(1, #old) == old then
            local whole = new .. name:sub(#old + 1)
            return others[whole] or whole, labels
        end
    end
end

-- Whether a line tells of something that HAProxy or we have besides the tenant's: such a proxy's
-- name is no id.
local function is_internal(line)
    local proxy = line:match('[{,]proxy="([^"]*)"')
    return proxy and not proxy:find("^%x+%-%x+%-%x+%-%x+%-%x+")
end

local function translated(line)
    if is_internal(line) then
        return nil
    end
    local start, name, rest = line:match("^(# %u+ )([%w_]+)(.*)$")
    if not start then
        start = ""
        name, rest = line:match("^([%w_]+)(.*)$")
    end
    local new, labels = renamed(name or "")
    if not new then
        return nil
    end
    for old, label in pairs(labels) do
        rest = rest:gsub("([{,])" .. old .. "=", "%1" .. label .. "=")
    end
    return start .. new .. rest
end

-- Whether what a pool does in two ways adds up. How its members are, and whatever is no sum, is told by
-- the backend that bears the pool's name.
local function adds_up(name)
    local is_sum = name:find("_total$") or name:find("_current_") or name:find("_current$")
    return is_sum and not (name:find("_check_") or name:find("_downtime_")
        or name:find("_throttle$"))
end

-- A pool's two backends as one: what is told of the one for bytes is added to its own.
local function united(text)
    local own, beside = {}, {}
    for line in text:gmatch("[^\n]+") do
        local series, value = line:match("^([^#].*) (%S+)$")
        local bare, count = (series or ""):gsub('([{,]proxy="[^"]*)%.tcp"', '%1"')
        if count == 0 then
            own[#own + 1] = line
        elseif adds_up(bare:match("^[%w_]+")) then
            beside[bare] = tonumber(value)
        end
    end
    for at, line in ipairs(own) do
        local series, value = line:match("^([^#].*) (%S+)$")
        if beside[series] then
            own[at] = series .. " " .. tonumber(value) + beside[series]
        end
    end
    return own
end

local function gauge(name, help, value)
    local line = "# HELP %s %s\n# TYPE %s gauge\n%s %.1f"
    return line:format(name, help, name, name, value)
end

-- How busy the load balancer is: its process, and not the node, which is others' as well.
local function busy(text)
    local function of(name)
        return tonumber(text:match("\nhaproxy_process_" .. name .. " ([%d.]+)")) or 0
    end
    local taken = math.max(of("pool_allocated_bytes"), 1)
    return {
        gauge("octavia_loadbalancer_cpu", "Time that the load balancer is at work (percentage).",
            100 - of("idle_time_percent")),
        gauge("octavia_loadbalancer_memory", "Use of the memory taken so far (percentage).",
            100 * of("pool_used_bytes") / taken),
    }
end

local function told()
    local exporter = { url = "http://metrics/metrics", dst = "unix@metrics.sock" }
    local answer = core.httpclient():get(exporter)
    if not answer or answer.status ~= 200 then
        return nil
    end
    local lines = busy(answer.body)
    for _, line in ipairs(united(answer.body)) do
        lines[#lines + 1] = translated(line)
    end
    return table.concat(lines, "\n") .. "\n"
end

-- What was told last, for the rest of its second: however often it is asked for, it is made once.
local last = { second = 0, body = nil }

core.register_service("metrics", "http", function(applet)
    local second = core.now().sec
    if last.second ~= second or not last.body then
        last = { second = second, body = told() }
    end
    local body = last.body
    applet:set_status(body and 200 or 503)
    if body then
        applet:add_header("content-type", "text/plain; version=0.0.4")
        applet:add_header("cache-control", "no-cache")
    end
    applet:add_header("content-length", tostring(body and #body or 0))
    applet:start_response()
    if body then
        applet:send(body)
    end
end)
