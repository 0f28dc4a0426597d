PRAGMA synchronous = NORMAL;
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INTEGER);
BEGIN;
WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 4000)
    INSERT INTO t SELECT x, 'text number ' || (x * 7919 % 4001), x * 31 % 977 FROM n;
COMMIT;
CREATE INDEX tb ON t(b);
CREATE INDEX tc ON t(c);
SELECT count(*), sum(a) FROM t WHERE b LIKE '%77%';
SELECT c, count(*) FROM t GROUP BY c ORDER BY 2 DESC, 1 LIMIT 5;
UPDATE t SET b = b || ' changed' WHERE c BETWEEN 100 AND 300;
BEGIN;
DELETE FROM t WHERE a % 3 = 0;
INSERT INTO t SELECT a + 10000, b, c FROM t WHERE a % 5 = 0;
COMMIT;
SELECT count(*), sum(a), max(b) FROM t;
SELECT count(*) FROM t x JOIN t y ON x.c = y.c WHERE x.a < 400;
PRAGMA integrity_check;
