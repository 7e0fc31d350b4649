#!/usr/bin/env bash
# A certificate to try with: for localhost, good for a week, known to nobody.
set -eu
umask 077
mkdir -p tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 7 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout tls/key.pem -out tls/cert.pem 2>/dev/null
