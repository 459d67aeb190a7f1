//! Scenarios of load. [`run`] executes one [`Plan`] and returns the [`Report`].

mod bulk_output;
mod crowd;
mod idle_hold;
mod noisy_neighbour;
mod paste;
mod plan;
mod slow_reader;
mod storm;
mod typing;
mod watch;

pub use plan::{Plan, Scenario};

use crate::client::{Event, Failure, Session, Target, unexpected};
use crate::meter::{Meter, Sample};
use crate::record::{Recorder, Summary, lock};
use crate::report::{self, Cost, Report};
use crate::resources;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longest wait for the bridge's close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for outstanding answers at the end of a run.
const GRACE: Duration = Duration::from_secs(5);
/// Time that sessions stay open at the end of a run, for the last sample of the bridge.
const FINAL_SAMPLE_TIME: Duration = Duration::from_millis(500);

/// Sample of the bridge, with the counters of the run at that time.
#[derive(Debug, Clone, Copy)]
struct Snapshot {
    at: Instant,
    sample: Option<Sample>,
    answers: u64,
    output: u64,
    live: u64,
}

/// State shared by the tasks of a run.
struct Run {
    plan: Plan,
    target: Arc<Target>,
    recorder: Recorder,
    meter: Option<Meter>,
    /// Snapshots at the begin and end of the measured time.
    snapshots: Mutex<(Option<Snapshot>, Option<Snapshot>)>,
    figures: Mutex<BTreeMap<String, f64>>,
}

impl Run {
    /// Opens a session, and records it or its failure.
    async fn open(self: &Arc<Self>, target: &Target, index: usize) -> Option<(Session, Live)> {
        match Session::open(target, index).await {
            Ok(session) => {
                self.recorder.ready(session.set_up);
                let early_output = session.early_output as u64;
                self.recorder.output.fetch_add(early_output, Relaxed);
                let live = self.recorder.live.fetch_add(1, Relaxed) + 1;
                self.recorder.most_live.fetch_max(live, Relaxed);
                Some((session, Live(Arc::clone(self))))
            }
            Err(failure) => {
                self.recorder.failed(&failure);
                None
            }
        }
    }

    /// Receives the next event and consumes it; returns the bytes of output in it.
    async fn next(&self, session: &mut Session) -> Result<usize, Failure> {
        let event = session.next().await?;
        self.consume(session, event).await
    }

    /// Counts and acknowledges the output of an event, and returns its bytes; an end is a failure.
    async fn consume(&self, session: &mut Session, event: Event) -> Result<usize, Failure> {
        match event {
            Event::Output(bytes) => {
                self.recorder.output.fetch_add(bytes.len() as u64, Relaxed);
                session.consumed(bytes.len()).await?;
                Ok(bytes.len())
            }
            Event::Ready(_) | Event::InputAck(_) | Event::Other => Ok(0),
            end @ (Event::Exit(_) | Event::Close(..)) => Err(unexpected(&end)),
        }
    }

    /// Consumes events until `end` is done, and returns its result.
    async fn consume_until<T>(
        &self,
        session: &mut Session,
        end: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        tokio::pin!(end);
        loop {
            tokio::select! {
                biased;
                done = &mut end => return Ok(done),
                event = session.next() => {
                    self.consume(session, event?).await?;
                }
            }
        }
    }

    async fn snapshot(&self) -> Snapshot {
        // Read before the sample, which takes a while: at the end of a run sessions close
        // meanwhile.
        let live = self.recorder.live.load(Relaxed);
        let meter = self.meter.clone();
        let sample = tokio::task::spawn_blocking(move || meter.map(|meter| meter.sample(true)));
        let sample = match sample.await {
            Ok(Some(Ok(sample))) => Some(sample),
            Ok(Some(Err(error))) => {
                self.recorder
                    .failed(&Failure::new("meter", error.to_string()));
                None
            }
            Ok(None) | Err(_) => None,
        };
        Snapshot {
            at: Instant::now(),
            sample,
            answers: self.recorder.answers.load(Relaxed),
            output: self.recorder.output.load(Relaxed),
            live,
        }
    }

    /// Starts the measured time, or restarts it.
    async fn begin(&self) {
        let snapshot = self.snapshot().await;
        *lock(&self.snapshots) = (Some(snapshot), None);
    }

    /// Ends the measured time.
    async fn end(&self) {
        let snapshot = self.snapshot().await;
        lock(&self.snapshots).1 = Some(snapshot);
    }

    /// Measures sends intended between two future instants, and waits for the second.
    async fn measure(&self, from: Instant, to: Instant) {
        self.recorder.measure(from, to);
        tokio::time::sleep_until(from.into()).await;
        self.begin().await;
        tokio::time::sleep_until(to.into()).await;
        self.end().await;
    }

    fn figure(&self, name: &str, figure: f64) {
        lock(&self.figures).insert(name.to_owned(), figure);
    }
}

/// Counts a session as live until dropped.
struct Live(Arc<Run>);

impl Drop for Live {
    fn drop(&mut self) {
        self.0.recorder.live.fetch_sub(1, Relaxed);
    }
}

/// Executes `plan` on threads of its own. Failures of sessions are in the report.
///
/// # Errors
/// When no run is possible: too few files or threads, or a bridge whose /proc cannot be read.
pub fn run(plan: &Plan) -> io::Result<Report> {
    plan.target.check().map_err(io::Error::other)?;
    resources::raise_file_limit(plan.most_sessions())?;
    let meter = plan.pid.map(Meter::new).transpose()?;
    let runtime = sshard_ssh_server::runtime(plan.threads, "load")?;
    let run = Arc::new(Run {
        target: Arc::new(plan.target()),
        recorder: Recorder::new(Instant::now(), plan.threads),
        meter,
        snapshots: Mutex::default(),
        figures: Mutex::default(),
        plan: plan.clone(),
    });
    let report = runtime.block_on(execute(&run));
    runtime.shutdown_background();
    report
}

async fn execute(run: &Arc<Run>) -> io::Result<Report> {
    let idle = run.snapshot().await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let seconds = tokio::spawn(watch::watch(Arc::clone(run), stopped));
    let limit = run.plan.timeout();
    let done = tokio::time::timeout(limit, scenario(run)).await;
    if let Ok(result) = done {
        result?;
    } else {
        let detail = format!("not done after {} s", limit.as_secs());
        run.recorder.failed(&Failure::new("run-deadline", detail));
    }
    let _ = stop.send(true);
    let seconds = seconds.await.map_err(io::Error::other)?;
    Ok(gather(run, &idle, seconds))
}

async fn scenario(run: &Arc<Run>) -> io::Result<()> {
    match run.plan.scenario {
        Scenario::ConnectStorm => storm::connect_storm(run).await,
        Scenario::Churn { hold } => storm::churn(run, hold).await,
        Scenario::IdleHold => idle_hold::run(run).await,
        Scenario::Typing => typing::run(run, false).await,
        Scenario::Resize => typing::run(run, true).await,
        Scenario::BulkOutput { .. } => bulk_output::run(run).await,
        Scenario::Paste { bytes } => paste::run(run, bytes).await,
        Scenario::SlowReader { bytes_per_second } => slow_reader::run(run, bytes_per_second).await,
        Scenario::NoisyNeighbour { flooders } => noisy_neighbour::run(run, flooders).await,
    }
}

fn gather(run: &Run, idle: &Snapshot, seconds: Vec<report::Row>) -> Report {
    let recorder = &run.recorder;
    let snapshots = *lock(&run.snapshots);
    let latency = recorder.take(|times| &mut times.latency);
    let (from, to) = (snapshots.0.unwrap_or(*idle), snapshots.1);
    let measured = to.map_or_else(Instant::now, |to| to.at);
    let measured = measured.saturating_duration_since(from.at);
    let answered = latency.len();
    let cost = to.and_then(|to| {
        let done = (
            to.answers.saturating_sub(from.answers),
            to.output.saturating_sub(from.output),
            to.live,
        );
        let (idle, from, to) = (idle.sample?, from.sample?, to.sample?);
        Some(Cost::between(&idle, &from, &to, measured, done))
    });
    Report {
        schema: report::SCHEMA,
        scenario: run.plan.scenario.name().to_owned(),
        asked: run.plan.parameters(),
        measured_s: measured.as_secs_f64(),
        whole_s: recorder.start.elapsed().as_secs_f64(),
        opened: recorder.opened.load(Relaxed),
        most_live: recorder.most_live.load(Relaxed),
        sent: recorder.sent.load(Relaxed),
        answered,
        rate: answered as f64 / measured.as_secs_f64().max(f64::MIN_POSITIVE),
        output_bytes: recorder.output.load(Relaxed),
        failures: recorder.failures(),
        set_up: recorder.set_up(),
        latency: Summary::of(&latency),
        service: Summary::of(&recorder.take(|times| &mut times.service)),
        lateness: Summary::of(&recorder.take(|times| &mut times.lateness)),
        named: recorder.named(),
        figures: lock(&run.figures).clone(),
        percentiles: report::percentiles(&latency),
        bridge: cost,
        seconds,
    }
}
