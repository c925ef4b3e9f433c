#!/bin/sh
# Fetches the secret, and shows that it is here without telling it.
#
# The server is the one whose certificate is measured with this script: nobody else gets to see a request, and
# nobody else's secret is taken. What this app is, its own certificate proves.
set -eu
secret=$(curl --silent --show-error --fail --connect-timeout 10 --max-time 30 --tlsv1.3 \
    --cacert /etc/key-release.pem \
    --cert /run/olos/cert.pem --key /run/olos/key.pem \
    --resolve "key-release:$SERVER_PORT:10.0.2.2" \
    "https://key-release:$SERVER_PORT/secret")
echo "the secret has the SHA-256 $(printf %s "$secret" | sha256sum | cut -d ' ' -f 1)"
