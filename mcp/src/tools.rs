//! The closed list of tools: their names, what they are for, and whether they change anything.

use std::sync::LazyLock;

use rmcp::model::{JsonObject, Tool as Described, ToolAnnotations};
use schemars::JsonSchema;

use crate::{answers, arguments};

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    ListModels,
    AskModel,
    EmbedTexts,
    ListComputers,
    ListJobs,
    SubmitJob,
    JobStatus,
    JobResult,
    CancelJob,
}

/// All of them, with their descriptions.
static ALL: LazyLock<Vec<(Tool, Described)>> = LazyLock::new(|| {
    let all = [
        Tool::ListModels,
        Tool::AskModel,
        Tool::EmbedTexts,
        Tool::ListComputers,
        Tool::ListJobs,
        Tool::SubmitJob,
        Tool::JobStatus,
        Tool::JobResult,
        Tool::CancelJob,
    ];
    all.into_iter().map(|tool| (tool, tool.describe())).collect()
});

/// The descriptions, in a fixed order.
pub(crate) fn described() -> Vec<Described> {
    ALL.iter().map(|(_, described)| described.clone()).collect()
}

/// The tool of this name, and its description.
pub(crate) fn named(name: &str) -> Option<(Tool, &'static Described)> {
    let found = ALL.iter().find(|(_, described)| described.name == name);
    found.map(|(tool, described)| (*tool, described))
}

impl Tool {
    fn describe(self) -> Described {
        match self {
            Self::ListModels => tool::<arguments::Nothing, answers::Models>(
                "list_models",
                "List models",
                "Lists the models that can be asked: those of the computers of this office, and those \
                 of its providers. Ask this first: the other tools take the names that it tells.",
                looks(),
            ),
            Self::AskModel => tool::<arguments::Ask, answers::Answer>(
                "ask_model",
                "Ask a model",
                "Asks a model one thing and waits for the answer. It runs on whichever computer of the \
                 office will be done soonest. For what takes more than a minute or two, or should go \
                 on when you leave, use submit_job.",
                asks(),
            ),
            Self::EmbedTexts => tool::<arguments::Embed, answers::Vectors>(
                "embed_texts",
                "Turn texts into vectors",
                "Turns up to 32 texts into vectors of length one, with a model that can embed.",
                asks(),
            ),
            Self::ListComputers => tool::<arguments::Nothing, answers::Computers>(
                "list_computers",
                "List computers",
                "Lists the computers of the mesh: whether each can be reached and works for others, \
                 what waits there, and which models it holds.",
                looks(),
            ),
            Self::ListJobs => tool::<arguments::Jobs, answers::Jobs>(
                "list_jobs",
                "List jobs",
                "Lists jobs that you may see, newest first.",
                looks(),
            ),
            Self::SubmitJob => tool::<arguments::Submit, answers::Job>(
                "submit_job",
                "Hand in a job",
                "Hands in a question that is worked on after you have left, and that survives the loss \
                 of a computer. Tells the job's id at once; look with job_status, and fetch the answer \
                 with job_result.",
                ToolAnnotations::new().read_only(false).destructive(false).open_world(true),
            ),
            Self::JobStatus => tool::<arguments::Job, answers::Job>(
                "job_status",
                "Look at a job",
                "Tells where a job stands, and why it is there.",
                looks(),
            ),
            Self::JobResult => tool::<arguments::Job, answers::Answer>(
                "job_result",
                "Fetch a job's answer",
                "Tells the answer of a job that has completed.",
                looks(),
            ),
            Self::CancelJob => tool::<arguments::Job, answers::Job>(
                "cancel_job",
                "Cancel a job",
                "Cancels a job that is not over. What was computed for it is lost.",
                ToolAnnotations::new()
                    .read_only(false)
                    .destructive(true)
                    .idempotent(true)
                    .open_world(false),
            ),
        }
    }
}

/// It changes nothing, and stays in the office.
fn looks() -> ToolAnnotations {
    ToolAnnotations::new().read_only(true).open_world(false)
}

/// It changes nothing but costs work, and a provider may be asked.
fn asks() -> ToolAnnotations {
    ToolAnnotations::new().read_only(true).open_world(true)
}

fn tool<I: JsonSchema + 'static, O: JsonSchema + 'static>(
    name: &'static str,
    title: &'static str,
    about: &'static str,
    hints: ToolAnnotations,
) -> Described {
    let described = Described::new(name, about, JsonObject::new()).with_input_schema::<I>();
    described.with_output_schema::<O>().with_title(title).with_annotations(hints)
}
