# A new database on a tmpfs, a benchmark of 4 clients, and what it must have left.
set -e
initdb -D "$PGDATA" -A trust --no-sync >/dev/null
pg_ctl -w -D "$PGDATA" -l /data/log -o "-k /tmp -h localhost" start >/dev/null
export PGHOST=/tmp
pgbench -i -s 1 -q postgres 2>/dev/null
pgbench -n -c 4 -j 2 -T "${1:-10}" postgres | grep -E '^(number of failed|tps)'
PGHOST=localhost psql -At postgres <<'SQL'
SELECT count(*), sum(abalance) = (SELECT sum(delta) FROM pgbench_history) FROM pgbench_accounts;
SQL
pg_ctl -w -D "$PGDATA" stop >/dev/null
pg_controldata | grep 'cluster state'
