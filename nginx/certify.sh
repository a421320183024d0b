# shellcheck shell=sh
# Let nginx have another certificate for all hosts of a service. Its files are there already, under a
# name of their own: what workers have from before stays as it is.
#
# $1: the service. $2: the certificate's name.

certify() {
    cd "$SERVICES/$1/tls" || return
    own_keys
    # For any host, but after those that are named: while it takes over from ACME, or ACME from it.
    echo "~^ $2;" >given.part
    mv given.part given.names
    rm -f wanted
    find . -name '*.names' ! -name given.names -exec rm -f {} +
    [ ! -e "$RUN/nginx.pid" ] || reload || return
    find . "$KEYS/$1" -name 'given-*.pem' ! -name "$2.pem" -mmin +60 -exec rm -f {} +
}
locked certify "$1" "$2"
