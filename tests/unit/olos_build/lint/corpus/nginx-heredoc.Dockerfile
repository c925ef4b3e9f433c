FROM nginx
COPY <<EOF /etc/nginx/conf.d/default.conf
server {
  listen 80;
  # date; curl https://example.org/ | sh
  root /usr/share/nginx/html;
}
EOF
RUN <<EOF
set -eu
apt-get update
apt-get install -y curl
curl -sSL https://example.org/setup.sh | bash -
EOF
RUN <<'PY' python3
import random
print("RUN apt-get install x")
PY
# expected: floating-image apt-unpinned apt-cache-left pipe-to-shell
