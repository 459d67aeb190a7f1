//! Keyboard-interactive authentication (RFC 4256): rounds of prompts, answered with the password
//! where a prompt clearly asks for it, otherwise by the user.

use super::SshEvent;
use super::auth::{Login, Outcome};
use super::prompts::asks_for_password;
use crate::error::SessionError;
use crate::message::{Prompt, Secret};
use russh::client::KeyboardInteractiveAuthResponse as Interactive;

/// Rounds in one login; each may wait for a person.
const MAX_ROUNDS: usize = 32;
/// Prompts in one round: clients of the protocol answer no more.
const MAX_PROMPTS: usize = 32;
/// Bytes of text in all rounds together.
const MAX_PROMPT_BYTES: usize = 64 * 1024;

impl Login<'_> {
    /// Counts a round. Both are bounded: texts that wait for the client, and rounds that wait for a
    /// person.
    fn note_round(
        &mut self,
        name: &str,
        instruction: &str,
        prompts: &[Prompt],
    ) -> Result<(), SessionError> {
        let texts = prompts.iter().map(|prompt| prompt.text.len());
        self.rounds += 1;
        self.prompt_bytes += name.len() + instruction.len() + texts.sum::<usize>();
        let violation = if self.rounds > MAX_ROUNDS {
            "it asked more than 32 rounds of questions"
        } else if prompts.len() > MAX_PROMPTS {
            "it asked more than 32 questions at once"
        } else if self.prompt_bytes > MAX_PROMPT_BYTES {
            "it asked questions of more than 64 KiB"
        } else {
            return Ok(());
        };
        Err(SessionError::ServerMisbehaved(violation))
    }

    pub(super) async fn interactive(&mut self, user: String) -> Result<Outcome, SessionError> {
        let mut response = self
            .handle
            .authenticate_keyboard_interactive_start(user, None)
            .await;
        loop {
            // russh's loop has ended.
            let Ok(next) = response else {
                return Ok(Outcome::Ended);
            };
            match next {
                Interactive::Success => return Ok(Outcome::LoggedIn),
                Interactive::Failure {
                    remaining_methods,
                    partial_success,
                } => return Ok(Outcome::refused(remaining_methods, partial_success)),
                Interactive::InfoRequest {
                    name,
                    instructions,
                    prompts,
                } => {
                    let prompts = prompts.into_iter().map(|prompt| Prompt {
                        text: prompt.prompt,
                        echo: prompt.echo,
                    });
                    let prompts: Vec<Prompt> = prompts.collect();
                    self.note_round(&name, &instructions, &prompts)?;
                    let answers = self.answers(name, instructions, prompts).await?;
                    response = self
                        .handle
                        .authenticate_keyboard_interactive_respond(answers)
                        .await;
                }
            }
        }
    }

    /// Answers a round. One without prompts or text gets an empty answer; a single hidden prompt
    /// gets the password, once, unless its words ask for something else; all others go to the user.
    async fn answers(
        &mut self,
        name: String,
        instruction: String,
        prompts: Vec<Prompt>,
    ) -> Result<Vec<String>, SessionError> {
        if prompts.is_empty() && (name.is_empty() && instruction.is_empty() || !self.can_ask) {
            return Ok(Vec::new());
        }
        let user = &self.credentials.username;
        if let [only] = prompts.as_slice()
            && !only.echo
            && !self.password_used
            && let Some(password) = &self.credentials.password
            && asks_for_password(user, &name, &instruction, &only.text)
        {
            self.password_used = true;
            return Ok(vec![password.expose().to_owned()]);
        }
        if !self.can_ask {
            tracing::info!(
                prompts = prompts.len(),
                "the SSH server asks a question that this client cannot be asked; use an sshard.v1 client"
            );
            return Err(SessionError::CannotAsk);
        }
        let (sender, receiver) = async_channel::bounded::<Vec<Secret>>(1);
        self.events.event(SshEvent::Prompts {
            name,
            instruction,
            prompts,
            answer: sender,
        });
        let answers = receiver.recv().await;
        let answers = answers.map_err(|_| SessionError::LoginFailed)?;
        Ok(answers.iter().map(|a| a.expose().to_owned()).collect())
    }
}
