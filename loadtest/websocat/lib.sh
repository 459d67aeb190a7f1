# Functions shared by the scripts beside this one. Each message is a line for websocat: a text message
# begins with T, a binary one with B and is base64.

for tool in websocat base64; do
    if ! command -v "$tool" >/dev/null; then
        echo "$(basename "$0"): $tool is missing" >&2
        exit 69
    fi
done

# Not as arguments, which every user of the machine can read.
require_login() {
    if [ -z "${SSHARD_USER:-}" ] || [ -z "${SSHARD_PASSWORD:-}" ]; then
        echo "$(basename "$0"): set SSHARD_USER and SSHARD_PASSWORD" >&2
        exit 64
    fi
}

# Prints a JSON string. Other control characters do not occur in a login or a command line.
json_string() {
    local s=$1
    s=${s//\\/\\\\}
    s=${s//\"/\\\"}
    s=${s//$'\n'/\\n}
    s=${s//$'\t'/\\t}
    s=${s//$'\r'/\\r}
    printf '"%s"' "$s"
}

# Prints the first message of sshard.v1; an argument is the command in place of a shell.
auth_message() {
    printf 'T{"type":"auth","username":%s,"password":%s' \
        "$(json_string "$SSHARD_USER")" "$(json_string "$SSHARD_PASSWORD")"
    if [ "$#" -gt 0 ]; then
        printf ',"command":%s' "$(json_string "$1")"
    fi
    printf '}\n'
}

# Prints standard input as one message of terminal input.
input_message() {
    printf 'B%s\n' "$(base64 -w 0)"
}

# Opens a WebSocket of sshard.v1 to URL; lines as above in both directions. Ends with the connection, or
# with its input. Replaces the calling subshell, so that a signal to that reaches it.
socket() {
    exec websocat --exit-on-eof --protocol sshard.v1 --base64 --binary-prefix B --text-prefix T \
        --buffer-size 1048576 "$1"
}

# Tells if this line is a message of that type.
is_type() {
    [[ $1 == T* && $1 =~ \"type\":\"$2\" ]]
}
