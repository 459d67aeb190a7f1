# What the scripts beside this one share. Each message is a line for websocat: a text message
# begins with T, a binary one with B and is base64.

for tool in websocat base64; do
    if ! command -v "$tool" >/dev/null; then
        echo "$(basename "$0"): $tool is missing" >&2
        exit 69
    fi
done

# Neither is an argument: every user of the machine can read those.
require_login() {
    if [ -z "${SSHARD_USER:-}" ] || [ -z "${SSHARD_PASSWORD:-}" ]; then
        echo "$(basename "$0"): set SSHARD_USER and SSHARD_PASSWORD" >&2
        exit 64
    fi
}

# A JSON string. Control characters other than these have no place in a login or a command line.
json_string() {
    local s=$1
    s=${s//\\/\\\\}
    s=${s//\"/\\\"}
    s=${s//$'\n'/\\n}
    s=${s//$'\t'/\\t}
    s=${s//$'\r'/\\r}
    printf '"%s"' "$s"
}

# The first message of sshard.v1; with an argument, for that command in place of a shell.
auth_message() {
    printf 'T{"type":"auth","username":%s,"password":%s' \
        "$(json_string "$SSHARD_USER")" "$(json_string "$SSHARD_PASSWORD")"
    if [ "$#" -gt 0 ]; then
        printf ',"command":%s' "$(json_string "$1")"
    fi
    printf '}\n'
}

# Bytes of the standard input as one message of input.
input_message() {
    printf 'B%s\n' "$(base64 -w 0)"
}

# A WebSocket to URL of sshard.v1; lines as above on both sides. Ends with the connection, or with its input.
# Takes the place of the subshell it is called in, so that a signal to that reaches it.
socket() {
    exec websocat --exit-on-eof --protocol sshard.v1 --base64 --binary-prefix B --text-prefix T \
        --buffer-size 1048576 "$1"
}

# Whether this line is a message of that type.
is_type() {
    [[ $1 == T* && $1 =~ \"type\":\"$2\" ]]
}
