#!/usr/bin/env bash
# Makes a self-signed certificate for trying this example; a real one comes from an authority.
set -eu
umask 077
mkdir -p tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
  -keyout tls/localhost.key -out tls/localhost.pem \
  -subj "/CN=localhost" -addext "subjectAltName=DNS:localhost" 2>/dev/null
