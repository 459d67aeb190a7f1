//! The built-in shell on a channel: joins the line editor and the commands to an inbox and an
//! output. It edits nothing and carries nothing out but `count`, which runs as fast as the
//! channel takes it.

use super::channel::{CTRL_C, Control, Gone, Inbox, Output};
use crate::tools::demo::line_editor::{Event, LineEditor, MAX_LINE};
use crate::tools::demo::pty::{Ended, Size};
use crate::tools::demo::shell::{self, Context, GREETING, STATUS_INTERRUPTED, Step};
use bytes::{Buf, Bytes};
use rustix::process::Signal;
use std::fmt::Write;
use std::sync::Arc;

const PROMPT: &str = "demo$ ";
/// How much `count` writes at once, in bytes: between two writes it looks for an interrupt.
const COUNT_PIECE: usize = 4 * 1024;

/// The built-in shell of one channel.
pub(super) struct Builtin {
    inbox: Arc<Inbox>,
    output: Output,
    /// The terminal's size, if there is one.
    size: Option<Size>,
    env: Vec<(String, String)>,
    last_status: u32,
    /// Input taken from the inbox and not used yet.
    input: Bytes,
}

/// Why a shell goes on no longer.
enum End {
    Exit(Ended),
    Gone,
}

impl From<Gone> for End {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

impl Builtin {
    pub(super) fn new(
        inbox: Arc<Inbox>,
        output: Output,
        size: Option<Size>,
        env: Vec<(String, String)>,
    ) -> Self {
        Self {
            inbox,
            output,
            size,
            env,
            last_status: 0,
            input: Bytes::new(),
        }
    }

    /// Runs one command line if there is one, else a shell until its end; then says so and closes
    /// the channel.
    pub(super) async fn run(mut self, command: Option<String>) {
        let end = match (command, self.size) {
            (Some(line), _) => self.command(&line).await,
            (None, Some(size)) => self.interactive(size).await,
            (None, None) => self.line_by_line().await,
        };
        if let Err(End::Exit(exit)) = end {
            self.output.finish(exit).await;
        }
    }

    async fn command(&mut self, line: &str) -> Result<(), End> {
        self.line(line).await?;
        Err(End::Exit(Ended::Status(self.last_status)))
    }

    async fn interactive(&mut self, size: Size) -> Result<(), End> {
        let mut editor = LineEditor::new(PROMPT, size.columns);
        self.print(GREETING).await?;
        let mut echo = Vec::new();
        editor.start(&mut echo);
        loop {
            if !echo.is_empty() {
                self.output.write(std::mem::take(&mut echo)).await?;
            }
            if self.input.is_empty() {
                self.wait(&mut editor, &mut echo).await?;
                continue;
            }
            let (taken, event) = editor.feed(&self.input, &mut echo);
            self.input.advance(taken);
            let Some(event) = event else { continue };
            if !echo.is_empty() {
                self.output.write(std::mem::take(&mut echo)).await?;
            }
            match event {
                Event::Line(line) => self.line(&line).await?,
                Event::Interrupt => self.last_status = STATUS_INTERRUPTED,
                Event::EndOfInput => return Err(End::Exit(Ended::Status(self.last_status))),
            }
            if let Some(size) = self.size {
                editor.set_columns(size.columns);
            }
            editor.start(&mut echo);
        }
    }

    /// Waits for input, and follows the terminal meanwhile.
    async fn wait(&mut self, editor: &mut LineEditor, echo: &mut Vec<u8>) -> Result<(), End> {
        tokio::select! {
            biased;
            control = self.inbox.next_control() => {
                self.control(control)?;
                if let Some(size) = self.size {
                    editor.set_columns(size.columns);
                }
            }
            input = self.inbox.next_input() => match input {
                Some(input) => self.input = input,
                None => {
                    echo.extend_from_slice(b"\r\n");
                    self.output.write(std::mem::take(echo)).await?;
                    return Err(End::Exit(Ended::Status(self.last_status)));
                }
            },
        }
        Ok(())
    }

    /// Without a terminal: no greeting, no prompt, no echo.
    async fn line_by_line(&mut self) -> Result<(), End> {
        let mut line = Vec::new();
        loop {
            let end = self.input.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(&self.input.split_to(end.unwrap_or(self.input.len())));
            if line.len() > MAX_LINE {
                self.output.write_error("the line is too long\n").await?;
                return Err(End::Exit(Ended::Status(shell::STATUS_USAGE)));
            }
            if end.is_some() {
                self.input.advance(1);
                self.line(&text(&mut line)).await?;
                continue;
            }
            tokio::select! {
                biased;
                control = self.inbox.next_control() => self.control(control)?,
                input = self.inbox.next_input() => match input {
                    Some(input) => self.input = input,
                    None => return self.command(&text(&mut line)).await,
                },
            }
        }
    }

    /// While no command runs, an interrupt changes nothing; other signals end the shell.
    fn control(&mut self, control: Control) -> Result<(), End> {
        match control {
            Control::Resize(size) => {
                // Without a terminal there is nothing to resize.
                self.size = self.size.and(Some(size));
                Ok(())
            }
            Control::Signal(Signal::INT) => Ok(()),
            Control::Signal(signal) => Err(End::Exit(Ended::Signal(signal.as_raw(), false))),
            Control::Closed => Err(End::Gone),
        }
    }

    async fn line(&mut self, line: &str) -> Result<(), End> {
        self.last_status = match self.step(line) {
            Step::Done { output, status } => {
                self.print(&output).await?;
                status
            }
            Step::Count(to) => self.count(to).await?,
            Step::Exit(status) => return Err(End::Exit(Ended::Status(status))),
        };
        Ok(())
    }

    fn step(&self, line: &str) -> Step {
        let context = Context {
            user: super::USER,
            size: self.size.map(|size| (size.columns, size.rows)),
            env: &self.env,
            last_status: self.last_status,
        };
        shell::run(line, &context)
    }

    async fn count(&mut self, to: u64) -> Result<u32, Gone> {
        let mut piece = String::with_capacity(COUNT_PIECE + 32);
        let mut number = 0;
        while number < to {
            if self.take_interrupt() {
                self.print(if self.size.is_some() { "^C\n" } else { "" })
                    .await?;
                return Ok(STATUS_INTERRUPTED);
            }
            piece.clear();
            while number < to && piece.len() < COUNT_PIECE {
                number += 1;
                // Writing to a String can't fail.
                let _ = writeln!(piece, "{number}");
            }
            self.print(&piece).await?;
        }
        Ok(0)
    }

    /// As the inbox's, with the input that was taken from it already. What was typed before the
    /// interrupt is discarded, as terminals do.
    fn take_interrupt(&mut self) -> bool {
        let terminal = self.size.is_some();
        let typed = self.input.iter().position(|byte| *byte == CTRL_C);
        if let Some(at) = typed.filter(|_| terminal) {
            self.input.advance(at + 1);
            return true;
        }
        let interrupted = self.inbox.take_interrupt(terminal);
        if interrupted && terminal {
            self.input.clear();
        }
        interrupted
    }

    /// Prints lines that end in `\n`, as the terminal wants them.
    async fn print(&self, text: &str) -> Result<(), Gone> {
        if text.is_empty() {
            return Ok(());
        }
        let text = match self.size {
            Some(_) => text.replace('\n', "\r\n"),
            None => text.to_owned(),
        };
        self.output.write(text).await
    }
}

/// The line, which is left empty; a `\r` before its end is not part of it.
fn text(line: &mut Vec<u8>) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.strip_suffix('\r').unwrap_or(&text).to_owned();
    line.clear();
    text
}
