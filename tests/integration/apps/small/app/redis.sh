# A server, its client, its benchmark, and a snapshot written by a forked child.
set -e
cd /tmp
redis-server --daemonize yes --save '' --logfile redis.log >/dev/null
until redis-cli ping 2>/dev/null | grep -q PONG; do sleep 0.05; done
redis-cli set counter 41
redis-cli incr counter
redis-cli --pipe <<'PIPE' | tail -n 1
SADD set a b c
LPUSH list 1 2 3
PIPE
redis-benchmark --csv -n "$1" -c 10 -P "${2:-1}" -t set,get,lpush,incr
redis-cli bgsave >/dev/null
until redis-cli info persistence | grep -q rdb_bgsave_in_progress:0; do sleep 0.05; done
redis-cli info persistence | grep rdb_last_bgsave_status
redis-cli shutdown save 2>/dev/null || true
until ! redis-cli ping >/dev/null 2>&1; do sleep 0.05; done
redis-server --daemonize yes --logfile redis.log >/dev/null
until redis-cli get counter 2>/dev/null | grep 42; do sleep 0.05; done
redis-cli shutdown nosave
