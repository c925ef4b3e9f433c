# A transaction, an index, a rollback, and two writers in WAL mode.
set -e
cd /tmp
sqlite3 t.db <<'SQL'
PRAGMA journal_mode = WAL;
CREATE TABLE t (id INTEGER PRIMARY KEY, text);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO t SELECT i, hex(randomblob(8)) FROM n;
COMMIT;
CREATE INDEX by_text ON t (text);
BEGIN; DELETE FROM t; ROLLBACK;
SQL
for writer in 1 2; do
    for i in 1 2 3 4 5; do
        sqlite3 -cmd '.timeout 20000' t.db "INSERT INTO t (text) VALUES ('$writer $i')"
    done &
done
wait
sqlite3 t.db 'SELECT count(*), sum(id) FROM t; PRAGMA integrity_check'
