//! The demo's table: moving on a terminal, a line for each finished job elsewhere, whole at the end.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use pumasi_web::api::{Job, JobState};

use super::Report;
use super::prompts::Prompt;
use crate::cli::failure::Failure;
use crate::cli::lookup::short_job;
use crate::cli::output::Output;
use crate::cli::table::{Align, Table};
use crate::cli::text::{cut, escape, milliseconds};

/// Rows that move; more jobs than that scroll through it.
const LIVE_ROWS: usize = 16;

/// Columns of a prompt or an answer.
const PROMPT_COLUMNS: usize = 28;

/// Shows jobs while they run.
pub(super) struct Board<'a> {
    output: &'a Output,
    prompts: &'a [Prompt],
    bars: Vec<ProgressBar>,
    told: Vec<bool>,
}

impl<'a> Board<'a> {
    pub(super) fn new(output: &'a Output, prompts: &'a [Prompt]) -> Self {
        let rows = if output.is_lively() { prompts.len().min(LIVE_ROWS) + 2 } else { 0 };
        let screen = MultiProgress::new();
        let style = ProgressStyle::with_template("{wide_msg}").expect("the template is valid");
        let bar = |_| screen.add(ProgressBar::new_spinner().with_style(style.clone()));
        Self {
            output,
            prompts,
            bars: (0..rows).map(bar).collect(),
            told: vec![false; prompts.len()],
        }
    }

    /// Shows where the jobs stand; they are in the order of the prompts.
    pub(super) fn show(&mut self, jobs: &[Option<&Job>]) -> Result<(), Failure> {
        if self.bars.is_empty() {
            self.tell(jobs)
        } else {
            self.redraw(jobs);
            Ok(())
        }
    }

    fn redraw(&self, jobs: &[Option<&Job>]) {
        let is_over = |job: &Option<&Job>| job.is_some_and(|job| job.state.is_terminal());
        let over = jobs.iter().filter(|job| is_over(job)).count();
        // The window follows the first job that is not over.
        let window = self.bars.len() - 2;
        let first = jobs.iter().position(|job| !is_over(job)).unwrap_or(jobs.len());
        let start = first.saturating_sub(window / 2).min(jobs.len() - window);
        let mut table = head();
        for (job, prompt) in jobs.iter().zip(self.prompts).skip(start).take(window) {
            table.row(cells(*job, prompt));
        }
        let mut lines = table.lines(self.output);
        lines.push(format!("{over} of {} jobs are over", jobs.len()));
        for (bar, line) in self.bars.iter().zip(lines) {
            bar.set_message(line);
            bar.tick();
        }
    }

    fn tell(&mut self, jobs: &[Option<&Job>]) -> Result<(), Failure> {
        for (index, job) in jobs.iter().enumerate() {
            let Some(job) = job.filter(|job| job.state.is_terminal()) else { continue };
            if !std::mem::replace(&mut self.told[index], true) {
                let [id, prompt, state, node, why] = cells(Some(job), &self.prompts[index]);
                self.output.note(&escape(&format!("{id}  {prompt}  {state}  {node}  {why}")));
            }
        }
        Ok(())
    }

    /// Replaces the moving table by the final one.
    pub(super) fn end(self, report: &Report) -> Result<(), Failure> {
        self.bars.iter().for_each(ProgressBar::finish_and_clear);
        if self.output.is_json() {
            return self.output.object(report);
        }
        let mut jobs = Table::new([
            ("JOB", Align::Left),
            ("PROMPT", Align::Left),
            ("ANSWER", Align::Left),
            ("RAN ON", Align::Left),
            ("TOOK", Align::Right),
            ("WHY", Align::Left),
        ]);
        for row in &report.jobs {
            jobs.row([
                short_job(&row.job),
                &cut(&row.prompt, PROMPT_COLUMNS),
                &cut(row.answer.as_deref().unwrap_or(word(row.state)), PROMPT_COLUMNS),
                row.node.as_deref().unwrap_or("-"),
                &row.took_ms.map_or("-".to_owned(), |ms| milliseconds(ms as f64)),
                row.why.as_deref().unwrap_or("-"),
            ]);
        }
        let mut totals =
            Table::new([("NODE", Align::Left), ("JOBS", Align::Right), ("TOKENS", Align::Right)]);
        for total in &report.nodes {
            totals.row([total.node.clone(), total.jobs.to_string(), total.tokens.to_string()]);
        }
        let took = format!("all in {}", milliseconds(report.took_ms as f64));
        let lines = jobs.lines(self.output).into_iter().chain([String::new()]);
        let lines = lines.chain(totals.lines(self.output)).chain([took]);
        lines.into_iter().try_for_each(|line| self.output.line(&line))
    }
}

fn head() -> Table {
    Table::new([
        ("JOB", Align::Left),
        ("PROMPT", Align::Left),
        ("STATE", Align::Left),
        ("NODE", Align::Left),
        ("WHY", Align::Left),
    ])
}

fn cells(job: Option<&Job>, prompt: &Prompt) -> [String; 5] {
    let dash = || "-".to_owned();
    [
        job.map_or_else(dash, |job| short_job(&job.id).to_owned()),
        cut(&prompt.text, PROMPT_COLUMNS),
        job.map_or_else(dash, |job| word(job.state).to_owned()),
        job.and_then(|job| job.node.as_ref()).map_or_else(dash, |node| node.name.clone()),
        job.and_then(|job| job.why.clone()).unwrap_or_else(dash),
    ]
}

fn word(state: JobState) -> &'static str {
    match state {
        JobState::Waiting => "waits",
        JobState::Bound => "placed",
        JobState::Running => "runs",
        JobState::Completed => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    }
}
