#!/usr/bin/env bash
# Makes two self-signed certificates for trying this example; real ones come from an authority.
set -eu
umask 077
mkdir -p tls
for name in localhost shop.example; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
    -keyout "tls/$name.key" -out "tls/$name.pem" \
    -subj "/CN=$name" -addext "subjectAltName=DNS:$name" 2>/dev/null
done
