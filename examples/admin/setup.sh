# A token of this example's own.
umask 077
echo "an-example-is-no-secret" > admin.token
