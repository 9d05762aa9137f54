"""The limits of several machines: one script on Redis, which is one round trip, by the clock of Redis."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from velox.limits.hit import Decision, Hit
from velox.redis import Redis, Script

__all__ = ["RedisStore"]

SCRIPT: Final = Script("""
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local epsilon = 0.000001

local function units(left, unit)
  return math.max(0, math.floor((left + epsilon) / unit))
end

-- Each returns: fits, remaining, wait, reset, and the new state. They are those of velox/limits/algorithms.py.
local algorithms = {}

function algorithms.gcra(state, count, period, cost)
  local unit = period / count
  local empty = math.max(state[1], now)
  local after = empty + cost * unit
  local wait = after - period - now
  if wait <= epsilon then
    return true, units(now + period - after, unit), 0, after - now, {after}
  end
  return false, units(now + period - empty, unit), wait, empty - now
end

function algorithms.fixed(state, count, period, cost)
  local number = math.floor(now / period)
  local used = (state[1] == number) and state[2] or 0
  local reset = (number + 1) * period - now
  if used + cost <= count then
    return true, count - used - cost, 0, reset, {number, used + cost}
  end
  return false, count - used, reset, reset
end

function algorithms.sliding(state, count, period, cost)
  local slice = period / 8
  local number = math.floor(now / slice)
  local after, used, age = {number}, 0, number - state[1]
  for k = 0, 8 do
    after[k + 2] = (k >= age) and state[k - age + 2] or 0
    used = used + after[k + 2]
  end
  local left = number * slice - now
  local fits = used + cost <= count
  if fits then after[2] = after[2] + cost end
  local newest = 8
  for k = 8, 0, -1 do
    if after[k + 2] > 0 then newest = k end
  end
  local reset = left + (9 - newest) * slice
  if fits then return true, count - used - cost, 0, reset, after end
  local wait, freed = 0, 0
  for k = 8, 0, -1 do
    freed = freed + after[k + 2]
    wait = left + (9 - k) * slice
    if used - freed + cost <= count then break end
  end
  return false, count - used, wait, reset
end

local function ask(i, state, cost)
  local at = (i - 1) * 4
  return {algorithms[ARGV[at + 1]](state, tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), cost)}
end

local found, states, all = {}, {}, true
for i, key in ipairs(KEYS) do
  local state = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
  local n = 0
  for text in string.gmatch(redis.call('GET', key) or '', '%S+') do
    n = n + 1
    state[n] = tonumber(text)
  end
  states[i] = state
  found[i] = ask(i, state, tonumber(ARGV[i * 4]))
  all = all and found[i][1]
end
local answer = {}
for i, key in ipairs(KEYS) do
  local one = found[i]
  if not all and one[1] then  -- what fits is not counted either, so it is told as it was
    one = ask(i, states[i], 0)
  elseif all and tonumber(ARGV[i * 4]) > 0 then
    for k, number in ipairs(one[5]) do one[5][k] = string.format('%.6f', number) end
    redis.call('SET', key, table.concat(one[5], ' '), 'PX', math.max(1, math.ceil(one[4] * 1000)))
  end
  answer[i] = {one[1] and 1 or 0, one[2], math.ceil(one[3] * 1000), math.ceil(one[4] * 1000)}
end
return answer
""")


class RedisStore:
    """Counts on Redis.

    Args:
        redis: The app's client.
        secret: Keys on the server are digests that depend on it: they tell nobody's id or address.
    """

    def __init__(self, redis: Redis, secret: bytes) -> None:
        self._redis = redis
        self._secret = secret[:64]

    async def hit(self, hits: Sequence[Hit]) -> list[Decision]:
        """As :meth:`LocalStore.hit`.

        Raises:
            RedisDown: It is not known whether they were counted.
        """
        callers = dict.fromkeys(hit.caller for hit in hits)
        if len(callers) == 1:
            return await self._hit(hits)
        # Another caller may live on another node of a cluster. What came before a refusal stays counted.
        answers = {caller: await self._hit([hit for hit in hits if hit.caller == caller]) for caller in callers}
        return [answers[hit.caller].pop(0) for hit in hits]

    async def _hit(self, hits: Sequence[Hit]) -> list[Decision]:
        keys = [self._key(hit) for hit in hits]
        arguments = [each for hit in hits for each in (hit.algorithm, hit.rate.count, hit.rate.period_s, hit.cost)]
        answers = await self._redis.run(lambda client: SCRIPT.run(client, keys, *arguments))
        return [Decision(bool(fits), left, wait / 1000, reset / 1000) for fits, left, wait, reset in answers]

    def _key(self, hit: Hit) -> str:
        """In braces is what decides about a cluster's node: all of a caller's keys are on one."""
        caller, whole = (blake2b(text.encode(), digest_size=12, key=self._secret) for text in (hit.caller, hit.key))
        return self._redis.key("limit", f"{{{caller.hexdigest()}}}", whole.hexdigest())
