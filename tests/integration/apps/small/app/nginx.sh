# Static files from the image, each compared; then load, a reload, and an end in good order.
set -e
nginx -c /app/nginx.conf
python3 - <<'PYTHON'
from pathlib import Path
from urllib.request import urlopen

files = [path for path in Path("/usr/share/common-licenses").iterdir() if path.is_file()]
print(sum(urlopen(f"http://127.0.0.1:8080/{path.name}").read() != path.read_bytes() for path in files), "differ")
PYTHON
wrk -t1 -c8 "-d$1s" http://127.0.0.1:8080/GPL-3
workers=$(grep -lx "PPid:[[:space:]]$(cat /tmp/nginx.pid)" /proc/[0-9]*/status)
nginx -c /app/nginx.conf -s reload 2>/dev/null
for worker in $workers; do
    while [ -e "$worker" ]; do sleep 0.05; done
done
wrk -t1 -c2 -d1s http://127.0.0.1:8080/GPL-3 | grep -E 'errors|Non-2xx' || true
nginx -c /app/nginx.conf -s quit 2>/dev/null
while [ -e /tmp/nginx.pid ]; do sleep 0.05; done
grep -v notice /tmp/error.log || true
echo ended
