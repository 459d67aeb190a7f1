import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.sshd.core.CoreModuleProperties;
import org.apache.sshd.server.Environment;
import org.apache.sshd.server.ExitCallback;
import org.apache.sshd.server.Signal;
import org.apache.sshd.server.SshServer;
import org.apache.sshd.server.channel.ChannelSession;
import org.apache.sshd.server.command.Command;
import org.apache.sshd.server.keyprovider.SimpleGeneratorHostKeyProvider;

/**
 * An SSH server of Apache MINA SSHD: user "interop", a password. Prints its port.
 *
 * MinaServer PASSWORD TERMINAL [rekey]: TERMINAL is the path of terminal.py, `rekey` asks for new
 * keys every MiB. The command "output N" is N bytes from the library itself.
 */
public class MinaServer {
    public static void main(String[] args) throws Exception {
        SshServer server = SshServer.setUpDefaultServer();
        server.setHost("127.0.0.1");
        server.setPort(0);
        server.setKeyPairProvider(new SimpleGeneratorHostKeyProvider());
        server.setPasswordAuthenticator(
                (user, password, session) -> user.equals("interop") && password.equals(args[0]));
        if (args.length > 2) {
            CoreModuleProperties.REKEY_BYTES_LIMIT.set(server, 1024L * 1024);
        }
        server.setCommandFactory((channel, command) -> new Run(args[1], command));
        server.setShellFactory(channel -> new Run(args[1], "sh"));
        server.start();
        System.out.println(server.getPort());
        Thread.currentThread().join();
    }

    private static class Run implements Command {
        private final String terminal;
        private final String command;
        private InputStream in;
        private OutputStream out;
        private ExitCallback exit;
        private Process child;

        Run(String terminal, String command) {
            this.terminal = terminal;
            this.command = command;
        }

        @Override
        public void setInputStream(InputStream in) {
            this.in = in;
        }

        @Override
        public void setOutputStream(OutputStream out) {
            this.out = out;
        }

        @Override
        public void setErrorStream(OutputStream err) {}

        @Override
        public void setExitCallback(ExitCallback exit) {
            this.exit = exit;
        }

        @Override
        public void start(ChannelSession channel, Environment env) {
            new Thread(() -> {
                int status = 1;
                try {
                    status = run(env);
                } catch (IOException | InterruptedException error) {
                    error.printStackTrace();
                }
                exit.onExit(status);
            }).start();
        }

        private int run(Environment environment) throws IOException, InterruptedException {
            String[] words = command.split(" ");
            if (words[0].equals("output")) {
                byte[] bytes = new byte[Integer.parseInt(words[1])];
                Arrays.fill(bytes, (byte) 'x');
                out.write(bytes);
                out.flush();
                return 0;
            }
            Map<String, String> env = environment.getEnv();
            List<String> line = List.of("python3", terminal, env.getOrDefault("TERM", "dumb"),
                    env.getOrDefault("COLUMNS", "80"), env.getOrDefault("LINES", "24"), command);
            child = new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            InputStream output = child.getInputStream();
            StringBuilder tty = new StringBuilder();
            for (int c = output.read(); c != '\n' && c >= 0; c = output.read()) {
                tty.append((char) c);
            }
            environment.addSignalListener((channel, signal) -> resize(tty.toString(), env), Signal.WINCH);
            new Thread(() -> copy(in, child.getOutputStream())).start();
            copy(output, out);
            return child.waitFor();
        }

        private static void resize(String tty, Map<String, String> env) {
            try {
                new ProcessBuilder("stty", "-F", tty, "cols", env.get("COLUMNS"), "rows", env.get("LINES"))
                        .start().waitFor();
            } catch (IOException | InterruptedException error) {
                error.printStackTrace();
            }
        }

        private static void copy(InputStream from, OutputStream to) {
            byte[] bytes = new byte[65536];
            try {
                for (int count = from.read(bytes); count >= 0; count = from.read(bytes)) {
                    to.write(bytes, 0, count);
                    to.flush();
                }
            } catch (IOException ended) {
                // The other side has gone.
            }
        }

        @Override
        public void destroy(ChannelSession channel) {
            if (child != null) {
                child.destroy();
            }
        }
    }
}
