# Shared by the scripts beside it, which read it with `source`.
# shellcheck shell=bash

umask 077
# The checks below mean ASCII by [A-Za-z], whatever the user's language.
export LC_ALL=C

fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

# check_name NAME: a name becomes a file name and a common name (64 characters at most, RFC 5280).
check_name() {
    [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]] ||
        fail "name '$1': use 1 to 64 letters, digits, '.', '_' and '-', a letter or digit first"
    [[ $1 != ca ]] || fail "name 'ca' is the authority's own"
}

# check_days DAYS
check_days() {
    [[ $1 =~ ^[1-9][0-9]{0,4}$ ]] || fail "--days '$1': use a number from 1 to 99999"
}

# check_free FILE...: nothing is ever overwritten; a key that is gone cannot be had back.
check_free() {
    local file
    for file in "$@"; do
        [[ ! -e $file && ! -L $file ]] || fail "$file exists and is not overwritten"
    done
}

# open_workplace DIR: a place on the same file system for what is half made; it goes when the script ends.
open_workplace() {
    work=$(mktemp -d "$1/.making.XXXXXX")
    published=()
    trap close_workplace EXIT
    trap 'exit 1' HUP INT TERM
}

close_workplace() {
    rm -rf "$work"
    # Only what was published without its other half: publish empties the list at the end.
    [[ ${#published[@]} -eq 0 ]] || rm -f "${published[@]}"
    [[ -z ${created:-} ]] || rmdir "$created" 2>/dev/null || true
}

# publish STEM: key and certificate get their names, both or neither. Hard links, because unlike a rename
# they fail when the name has come into use meanwhile.
publish() {
    local suffix
    for suffix in key crt; do
        ln "$work/made.$suffix" "$1.$suffix" || fail "$1.$suffix could not be created"
        published+=("$1.$suffix")
    done
    published=()
    printf 'wrote %s.crt and %s.key\n' "$1" "$1"
}

# make_certificate COMMON_NAME DAYS EXTENSIONS [OPTION...]: a P-256 key and its certificate in $work.
make_certificate() {
    local name=$1 days=$2 extensions=$3
    shift 3
    printf '[req]\nprompt = no\ndistinguished_name = dn\n[dn]\nCN = %s\n[ext]\n%s\n' \
        "$name" "$extensions" >"$work/config"
    # 156 random bits in 20 octets, the most RFC 5280 allows; the leading 7 keeps it positive.
    openssl req -x509 -config "$work/config" -extensions ext -utf8 -sha256 -days "$days" \
        -set_serial "0x7$(openssl rand -hex 19)" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc \
        -keyout "$work/made.key" -out "$work/made.crt" "$@" 2>"$work/errors" ||
        fail "openssl: $(<"$work/errors")"
}

# sign DIR NAME DAYS PURPOSE EXTENSIONS: a key and its certificate by DIR's authority, in $work.
sign() {
    local directory=$1 name=$2 days=$3 purpose=$4 extensions=$5
    [[ -r $directory/ca.crt && -r $directory/ca.key ]] ||
        fail "$directory/ca.crt or ca.key cannot be read; make-ca makes them"
    openssl x509 -in "$directory/ca.crt" -noout -checkend $((days * 86400)) >/dev/null ||
        fail "$directory/ca.crt ends in less than $days days; use fewer --days or a new authority"
    make_certificate "$name" "$days" "$extensions" -CA "$directory/ca.crt" -CAkey "$directory/ca.key"
    openssl verify -x509_strict -purpose "$purpose" -CAfile "$directory/ca.crt" "$work/made.crt" \
        >/dev/null 2>"$work/errors" || fail "the new certificate does not verify: $(<"$work/errors")"
}

# issue DIR NAME DAYS PURPOSE EXTENSIONS: the same under a name that is free.
issue() {
    local directory=$1 name=$2
    check_free "$directory/$name.crt" "$directory/$name.key"
    open_workplace "$directory"
    sign "$@"
    publish "$directory/$name"
}

# open_authority DIR: a workplace with what `openssl ca` wants to know of the authority.
open_authority() {
    local directory=$1
    [[ -r $directory/ca.crt && -r $directory/ca.key ]] ||
        fail "$directory/ca.crt or ca.key cannot be read; make-ca makes them"
    open_workplace "$directory"
    [[ -e $directory/ca.index ]] || : >"$directory/ca.index"
    [[ -e $directory/ca.crlnumber ]] || echo 01 >"$directory/ca.crlnumber"
    cat >"$work/config" <<CONFIG
[ca]
default_ca = authority
[authority]
certificate = $directory/ca.crt
private_key = $directory/ca.key
database = $directory/ca.index
crlnumber = $directory/ca.crlnumber
default_md = sha256
unique_subject = no
crl_extensions = list
[list]
authorityKeyIdentifier = keyid:always
CONFIG
}

# write_list DIR DAYS: DIR/ca.crl, replaced whole.
write_list() {
    openssl ca -config "$work/config" -gencrl -crldays "$2" -out "$work/list" 2>"$work/errors" ||
        fail "openssl: $(<"$work/errors")"
    chmod 644 "$work/list"
    mv -f "$work/list" "$1/ca.crl"
}

# leaf_extensions EXTENDED_KEY_USAGE NAMES
leaf_extensions() {
    printf '%s\n' "basicConstraints = critical, CA:FALSE" "keyUsage = critical, digitalSignature" \
        "extendedKeyUsage = $1" "subjectKeyIdentifier = hash" "authorityKeyIdentifier = keyid:always" \
        "subjectAltName = $2"
}

# parse_arguments ARGUMENT...: sets days, has_days and arguments. The script defines usage and a default for days.
parse_arguments() {
    arguments=()
    has_days=
    while (($#)); do
        case $1 in
            --help) usage; exit 0 ;;
            --days) (($# > 1)) || fail "--days needs a number"; days=$2 has_days=yes; shift 2 ;;
            --days=*) days=${1#--days=} has_days=yes; shift ;;
            --) shift; arguments+=("$@"); break ;;
            -*) fail "unknown option '$1'; see --help" ;;
            *) arguments+=("$1"); shift ;;
        esac
    done
    check_days "$days"
}
