#!/bin/sh
# Make a password for each user in users.acl, and the file for `redis-server --aclfile` with their SHA-256.
set -eu

if [ $# -ne 1 ]; then
  echo "usage: make-users.sh DIRECTORY" >&2
  exit 2
fi
command -v openssl >/dev/null || { echo "make-users.sh: expected openssl" >&2; exit 1; }

umask 077
mkdir -p "$1"
users=$(dirname "$0")/users.acl
rules=$(grep '^user ' "$users")
for user in $(printf '%s\n' "$rules" | sed -n 's/.*<password-of-\([a-z-]*\)>.*/\1/p'); do
  # a password that is there already stays: the services have it
  [ -s "$1/$user.password" ] || openssl rand -hex 32 > "$1/$user.password"
  digest=$(tr -d '\n' < "$1/$user.password" | openssl dgst -sha256 -r | cut -d' ' -f1)
  rules=$(printf '%s\n' "$rules" | sed "s/><password-of-$user>/#$digest/")
done
printf '%s\n' "$rules" > "$1/users.acl"
echo "wrote $1/users.acl and the passwords beside it"
