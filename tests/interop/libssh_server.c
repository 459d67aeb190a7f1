/* An SSH server of libssh: user "interop", a password. Prints its port.
 *
 * libssh_server PASSWORD KEY [rekey]: KEY is the path of the host key, `rekey` asks for new keys
 * every MiB. The command "output N" is N bytes from the library itself. One process a connection.
 */
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *password;
static ssh_channel channel;
static ssh_event event;
static struct winsize size = {24, 80, 0, 0};
static char term[64] = "dumb";
static int authenticated, terminal = -1, running;
static long flood;
static pid_t child;

static int on_password(ssh_session s, const char *user, const char *given, void *u) {
    authenticated = !strcmp(user, "interop") && !strcmp(given, password);
    return authenticated ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED;
}

static int on_pty(ssh_session s, ssh_channel c, const char *name, int cols, int rows, int x, int y,
                  void *u) {
    snprintf(term, sizeof term, "%s", name);
    size = (struct winsize){rows, cols, x, y};
    return 0;
}

static int on_resize(ssh_session s, ssh_channel c, int cols, int rows, int x, int y, void *u) {
    size = (struct winsize){rows, cols, x, y};
    return terminal < 0 ? 0 : ioctl(terminal, TIOCSWINSZ, &size);
}

static int on_exec(ssh_session s, ssh_channel c, const char *command, void *u) {
    running = 1;
    if (sscanf(command, "output %ld", &flood) == 1)
        return 0;
    child = forkpty(&terminal, NULL, NULL, &size);
    if (child == 0) {
        setenv("TERM", term, 1);
        execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(127);
    }
    return child < 0;
}

static int on_shell(ssh_session s, ssh_channel c, void *u) { return on_exec(s, c, "sh", u); }

static int on_data(ssh_session s, ssh_channel c, void *data, uint32_t length, int err, void *u) {
    if (terminal < 0)
        return length;
    ssize_t count = write(terminal, data, length);
    return count < 0 ? 0 : count;
}

static struct ssh_channel_callbacks_struct channel_callbacks = {
    .channel_pty_request_function = on_pty,
    .channel_pty_window_change_function = on_resize,
    .channel_exec_request_function = on_exec,
    .channel_shell_request_function = on_shell,
    .channel_data_function = on_data,
};

static ssh_channel on_open(ssh_session s, void *u) {
    channel = ssh_channel_new(s);
    ssh_callbacks_init(&channel_callbacks);
    ssh_set_channel_callbacks(channel, &channel_callbacks);
    return channel;
}

static struct ssh_server_callbacks_struct server_callbacks = {
    .auth_password_function = on_password,
    .channel_open_request_session_function = on_open,
};

/* Passes the terminal's output while the client takes it. */
static int on_output(socket_t fd, int revents, void *u) {
    static char buffer[16384];
    static int writing;
    uint32_t window = ssh_channel_window_size(channel);
    /* A write that waits for new keys comes back here. */
    if (writing || window == 0)
        return 0;
    /* The end is what read says: the hang-up can be seen before the last output. */
    ssize_t count = read(fd, buffer, window < sizeof buffer ? window : sizeof buffer);
    if (count > 0) {
        writing = 1;
        int written = ssh_channel_write(channel, buffer, count);
        writing = 0;
        return written == count ? 0 : -1;
    }
    ssh_event_remove_fd(event, fd);
    running = 0;
    return 0;
}

static void serve(ssh_session session, int rekey) {
    int status = 0, watched = 0;
    if (rekey) {
        uint64_t limit = 1024 * 1024;
        ssh_options_set(session, SSH_OPTIONS_REKEY_DATA, &limit);
    }
    ssh_callbacks_init(&server_callbacks);
    ssh_set_server_callbacks(session, &server_callbacks);
    ssh_set_auth_methods(session, SSH_AUTH_METHOD_PASSWORD);
    event = ssh_event_new();
    if (ssh_handle_key_exchange(session) != SSH_OK)
        return;
    ssh_event_add_session(event, session);
    while (!running)
        if (ssh_event_dopoll(event, -1) == SSH_ERROR)
            return;
    if (flood > 0) {
        char *bytes = malloc(flood);
        memset(bytes, 'x', flood);
        ssh_channel_write(channel, bytes, flood);
    } else {
        while (running && ssh_channel_is_open(channel)) {
            if (!watched) {
                ssh_event_add_fd(event, terminal, POLLIN, on_output, NULL);
                watched = 1;
            }
            if (ssh_event_dopoll(event, -1) == SSH_ERROR)
                break;
        }
        close(terminal);
        waitpid(child, &status, 0);
    }
    ssh_channel_request_send_exit_status(channel, WEXITSTATUS(status));
    ssh_channel_send_eof(channel);
    ssh_channel_close(channel);
    while (ssh_is_connected(session))
        if (ssh_event_dopoll(event, 1000) == SSH_ERROR)
            return;
}

int main(int argc, char **argv) {
    unsigned int port = 0;
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    ssh_bind bind = ssh_bind_new();
    password = argv[1];
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_BINDADDR, "127.0.0.1");
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_BINDPORT, &port);
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, argv[2]);
    if (ssh_bind_listen(bind) < 0) {
        fprintf(stderr, "%s\n", ssh_get_error(bind));
        return 1;
    }
    getsockname(ssh_bind_get_fd(bind), (struct sockaddr *)&address, &length);
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        ssh_session session = ssh_new();
        if (ssh_bind_accept(bind, session) != SSH_OK)
            return 1;
        if (fork() == 0) {
            signal(SIGCHLD, SIG_DFL);
            serve(session, argc > 3);
            _exit(0);
        }
        ssh_free(session);
    }
}
