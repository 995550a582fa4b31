"""The scripts. Redis executes each as one step. Those that write accept only the latest token.

Lua numbers lose digits of a large seq, so positions are passed as text.
"""

from __future__ import annotations

from hashlib import sha1

#: HSET takes pairs of arguments. `unpack` is limited to a few thousand (LUAI_MAXCSTACK).
_WRITE = """
local at = 0
local function each(count, width, write)
  local left = count * width
  while left > 0 do
    local size = math.min(left, 1000)
    write(unpack(ARGV, at, at + size - 1))
    at, left = at + size, left - size
  end
end
local function write(first)
  at = first
  local counts = {}
  for i = 1, 6 do counts[i] = tonumber(ARGV[at]); at = at + 1 end
  for i = 1, 3 do
    local key = KEYS[i + 1]
    each(counts[2 * i - 1], 2, function(...) redis.call('HSET', key, ...) end)
    each(counts[2 * i], 1, function(...) redis.call('HDEL', key, ...) end)
  end
end
"""

#: Reads our short texts. Longer values are not ours and are not read, because Redis would copy them.
_SHORT = """
local function short(key)
  if redis.call('TYPE', key).ok ~= 'string' or redis.call('STRLEN', key) > 1024 then return false end
  return redis.call('GET', key)
end
local function part(key, field)
  return redis.call('HSTRLEN', key, field) <= 1024 and redis.call('HGET', key, field)
end
"""

_FENCE = (
    _SHORT
    + """
local p = {part(KEYS[1], 'token'), part(KEYS[1], 'epoch'), part(KEYS[1], 'seq')}
if p[1] ~= ARGV[1] then return {p[1] and 'fenced' or 'lost', '', ''} end
"""
)

#: KEYS: position. ARGV: fields. Returns their values, '' for a missing one, 'large' for one that is too
#: large.
POSITION = """
local found = {}
for i, field in ipairs(ARGV) do
  local fits = redis.call('HSTRLEN', KEYS[1], field) <= 1024
  found[i] = fits and (redis.call('HGET', KEYS[1], field) or '') or 'large'
end
return found
"""

#: KEYS: leader, position. ARGV: id, milliseconds, whether to force it, seconds to keep quarantined keys.
#: The token grows with every acquisition, even if Redis has lost its data: it is never behind the clock.
#: A key of another type, or one that is far too large, is not ours: such a lease is overwritten, and such a
#: position is quarantined.
ACQUIRE_LEASE = (
    _SHORT
    + """
local owner = short(KEYS[1])
if owner and owner ~= ARGV[1] and ARGV[3] ~= 'yes' then return {'held'} end
local time = redis.call('TIME')
local kind = redis.call('TYPE', KEYS[2]).ok
local ours = kind == 'hash' or kind == 'none'
for _, field in ipairs({'token', 'epoch', 'seq', 'schema', 'complete', 'run', 'cluster'}) do
  ours = ours and redis.call('HSTRLEN', KEYS[2], field) <= 1024
end
if not ours then
  local aside = KEYS[2] .. ':aside:' .. time[1]
  redis.call('RENAME', KEYS[2], aside)
  redis.call('EXPIRE', aside, ARGV[4])
end
local token = tonumber(redis.call('HGET', KEYS[2], 'token') or '0') or 0
if not (token >= 0 and token < 9e15) then token = 0 end
token = string.format('%.0f', math.max(token + 1, time[1] * 1000 + math.floor(time[2] / 1000)))
local before = redis.call('HMGET', KEYS[2], 'epoch', 'seq', 'schema', 'complete', 'run')
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[2], 'token', token, 'run', run)
local answer = {'taken', token}
for i = 1, 5 do answer[i + 2] = before[i] or '' end
answer[8] = run
return answer
"""
)

#: KEYS: position, leader, alarm. ARGV: token, id, milliseconds, whether the graph is complete, channel,
#: tick, schema, identity of the cluster. If the lease has expired meanwhile, the latest token acquires it
#: again.
RENEW_LEASE = (
    _FENCE
    + """
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
if p[2] then redis.call('HSET', KEYS[1], 'schema', ARGV[7]) end
if p[2] and ARGV[8] ~= '' then redis.call('HSETNX', KEYS[1], 'cluster', ARGV[8]) end
if ARGV[4] == 'yes' then redis.call('HSET', KEYS[1], 'complete', 'yes') end
if ARGV[6] ~= '' then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
local alarm = short(KEYS[3])
redis.call('UNLINK', KEYS[3])
return {'ok', p[2] or '', p[3] or '', alarm or ''}
"""
)

#: KEYS: leader. ARGV: id, channel, message.
RELEASE_LEASE = (
    _SHORT
    + """
if short(KEYS[1]) ~= ARGV[1] then return {'held'} end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return {'ok'}
"""
)

#: KEYS: position, nodes, edges, releases, log. ARGV: token, epoch, since, seq, the seq before which to trim
#: the log, channel, entry, undo, and what to write.
COMMIT = (
    _WRITE
    + _FENCE
    + """
if p[2] ~= ARGV[2] or p[3] ~= ARGV[3] then return {'moved', p[2] or '', p[3] or ''} end
write(9)
redis.call('XADD', KEYS[5], ARGV[4] .. '-0', 'b', ARGV[7], 'u', ARGV[8])
if ARGV[5] ~= '' then redis.call('XTRIM', KEYS[5], 'MINID', '~', ARGV[5]) end
redis.call('HSET', KEYS[1], 'seq', ARGV[4])
redis.call('PUBLISH', ARGV[6], 'B' .. ARGV[7])
return {'ok', ARGV[2], ARGV[4]}
"""
)

#: KEYS: position, the keys of the graph, log. ARGV: token, suffix of the names of quarantined keys ('' to
#: delete the keys), seconds to keep them. There is no position afterwards.
TRUNCATE = (
    _FENCE
    + """
redis.call('HDEL', KEYS[1], 'epoch', 'seq', 'schema', 'complete', 'cluster')
for i = 2, #KEYS do
  if ARGV[2] == '' then
    redis.call('UNLINK', KEYS[i])
  elseif redis.call('EXISTS', KEYS[i]) == 1 then
    redis.call('RENAME', KEYS[i], KEYS[i] .. ARGV[2])
    redis.call('EXPIRE', KEYS[i] .. ARGV[2], ARGV[3])
  end
end
return {'ok', '', ''}
"""
)

#: KEYS: position, nodes, edges, releases. ARGV: token, and what to write. It is not read before BEGIN_EPOCH.
BULK_LOAD = (
    _WRITE
    + _FENCE
    + """
if p[2] then return {'moved', p[2], p[3] or ''} end
write(2)
return {'ok', '', ''}
"""
)

#: KEYS: position. ARGV: token, epoch, seq, schema, whether the graph is complete, identity of the cluster.
BEGIN_EPOCH = (
    _FENCE
    + """
if p[2] then return {'moved', p[2], p[3] or ''} end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'seq', ARGV[3], 'schema', ARGV[4], 'complete', ARGV[5])
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'cluster', ARGV[6]) end
return {'ok', ARGV[2], ARGV[3]}
"""
)

#: KEYS: position, a hash. ARGV: token, field.
DELETE_FIELD = (
    _FENCE
    + """
redis.call('HDEL', KEYS[2], ARGV[2])
return {'ok', '', ''}
"""
)

#: KEYS: position, events. ARGV: token, whether to delete all others, how many to set, then each with its
#: value, then those to delete.
STORE_EVENTS = (
    _FENCE
    + """
if ARGV[2] == 'yes' then redis.call('UNLINK', KEYS[2]) end
local count = tonumber(ARGV[3])
for i = 4, 2 * count + 3, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
for i = 2 * count + 4, #ARGV do redis.call('HDEL', KEYS[2], ARGV[i]) end
return {'ok', '', ''}
"""
)

#: KEYS: position, a key. ARGV: token, value.
STORE_VALUE = (
    _FENCE
    + """
redis.call('SET', KEYS[2], ARGV[2])
return {'ok', '', ''}
"""
)

#: The scripts by their digest, as in EVALSHA.
BY_SHA = {
    sha1(script.encode()).hexdigest(): script
    for script in (
        POSITION,
        ACQUIRE_LEASE,
        RENEW_LEASE,
        RELEASE_LEASE,
        COMMIT,
        TRUNCATE,
        BULK_LOAD,
        BEGIN_EPOCH,
        DELETE_FIELD,
        STORE_EVENTS,
        STORE_VALUE,
    )
}
