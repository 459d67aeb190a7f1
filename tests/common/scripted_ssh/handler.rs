//! One connection of the scripted server: replies as the script says, and records every event.

use super::{GREETING, Login, Received, Round, Shared, SshScript, Start};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, Response, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet, Pty, Sig};
use sshard_ssh_server::Done;
use std::borrow::Cow;
use std::sync::Arc;
use tokio::sync::watch;

pub(super) struct Connection {
    pub(super) script: Arc<SshScript>,
    pub(super) shared: Arc<Shared>,
    pub(super) paused: watch::Receiver<bool>,
    /// Rounds asked so far.
    pub(super) asked: usize,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.note(Received::Gone);
    }
}

impl Connection {
    fn started(&self, id: ChannelId, session: &mut Session, seen: Received) -> Done {
        let accepted = matches!(self.script.start, Start::Accept | Start::Echo);
        let handle = session.handle();
        // In one step: a test that waits for the event may use the session at once.
        self.shared.update(|state| {
            state.seen.push(seen);
            if accepted || self.script.start == Start::Silent {
                state.sessions.push((handle, id));
            }
        });
        match self.script.start {
            Start::Silent => Ok(()),
            Start::Echo => {
                session.channel_success(id)?;
                session.data(id, GREETING.to_vec())
            }
            _ if accepted => session.channel_success(id),
            _ => session.channel_failure(id),
        }
    }
}

fn question(round: &Round) -> Auth {
    let prompts = round.prompts.iter().cloned();
    Auth::Partial {
        name: Cow::Borrowed(round.name),
        instructions: Cow::Borrowed(round.instruction),
        prompts: prompts
            .map(|(text, echo)| (Cow::Owned(text), echo))
            .collect(),
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        Ok(self.script.banner.clone())
    }

    async fn auth_none(&mut self, _: &str) -> Result<Auth, Self::Error> {
        match self.script.login {
            Login::Anyone => Ok(Auth::Accept),
            Login::Silent => std::future::pending().await,
            _ => Ok(Auth::reject()),
        }
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        self.shared
            .note(Received::Password(user.to_owned(), password.to_owned()));
        match &self.script.login {
            Login::Anyone | Login::AnyPassword => Ok(Auth::Accept),
            Login::Silent | Login::PasswordUnanswered => std::future::pending().await,
            Login::Password(right) if *right == password => Ok(Auth::Accept),
            Login::PasswordAndInteractive(_) => Ok(Auth::Reject {
                proceed_with_methods: Some(MethodSet::from(
                    [MethodKind::KeyboardInteractive].as_slice(),
                )),
                partial_success: true,
            }),
            Login::Password(_) | Login::Interactive(_) => Ok(Auth::reject()),
        }
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        if let Some(answers) = response {
            let texts = answers.map(|answer| String::from_utf8_lossy(&answer).into_owned());
            self.shared.note(Received::Answers(texts.collect()));
        }
        let (Login::Interactive(rounds) | Login::PasswordAndInteractive(rounds)) =
            &self.script.login
        else {
            return Ok(Auth::reject());
        };
        let next = rounds.get(self.asked);
        self.asked += 1;
        Ok(next.map_or(Auth::Accept, question))
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Done {
        if self.script.start == Start::RefuseChannel {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
        } else {
            reply.accept().await;
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        width: u32,
        height: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Done {
        let size = [columns, rows, width, height];
        self.shared.note(Received::Terminal(term.to_owned(), size));
        if self.script.start == Start::RefuseTerminal {
            session.channel_failure(id)
        } else {
            session.channel_success(id)
        }
    }

    async fn env_request(
        &mut self,
        _: ChannelId,
        name: &str,
        value: &str,
        _: &mut Session,
    ) -> Done {
        self.shared
            .note(Received::Env(name.to_owned(), value.to_owned()));
        Ok(())
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Done {
        self.started(id, session, Received::Shell)
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Done {
        let command = String::from_utf8_lossy(command).into_owned();
        self.started(id, session, Received::Exec(command))
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], session: &mut Session) -> Done {
        if self.script.start == Start::Echo {
            return session.data(id, data.to_vec());
        }
        // Fails only at the server's end, when nothing needs to be recorded.
        let _ = self.paused.wait_for(|paused| !paused).await;
        self.shared
            .update(|state| state.input.extend_from_slice(data));
        Ok(())
    }

    async fn channel_eof(&mut self, _: ChannelId, _: &mut Session) -> Done {
        self.shared.note(Received::Eof);
        Ok(())
    }

    async fn window_change_request(
        &mut self,
        _: ChannelId,
        columns: u32,
        rows: u32,
        width: u32,
        height: u32,
        _: &mut Session,
    ) -> Done {
        self.shared
            .note(Received::Resize([columns, rows, width, height]));
        Ok(())
    }

    async fn signal(&mut self, _: ChannelId, signal: Sig, _: &mut Session) -> Done {
        let name = match signal {
            Sig::Custom(name) => name,
            // The derived form is the name on the wire.
            known => format!("{known:?}"),
        };
        self.shared.note(Received::Signal(name));
        Ok(())
    }
}
