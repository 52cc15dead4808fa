//! What each tool does: arguments to a request of the API, its answer to text and structured content.

use rmcp::model::JsonObject;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::answers::{Answer, Computers, Embedded, Job, Jobs, List, Models, Reply, Vectors, cut};
use crate::api::{Api, Asked, Problem, Told};
use crate::tools::Tool;
use crate::{arguments, limits};

/// What a tool tells.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// For the agent to read.
    pub(crate) text: String,
    /// The same for programs.
    pub(crate) value: Value,
}

/// Calls a tool.
pub(crate) async fn call(
    tool: Tool,
    arguments: JsonObject,
    api: &impl Api,
) -> Result<Outcome, Problem> {
    match tool {
        Tool::ListModels => {
            let arguments::Nothing {} = read(arguments)?;
            let models: Models = list(api, Asked::get(&["v1", "models"])).await?;
            outcome(models.text(), &models)
        }
        Tool::AskModel => ask(read(arguments)?, api).await,
        Tool::EmbedTexts => embed(read(arguments)?, api).await,
        Tool::ListComputers => {
            let arguments::Nothing {} = read(arguments)?;
            let computers: Computers = list(api, Asked::get(&["api", "v1", "nodes"])).await?;
            outcome(computers.text(), &computers)
        }
        Tool::ListJobs => jobs(read(arguments)?, api).await,
        Tool::SubmitJob => submit(read(arguments)?, api).await,
        Tool::JobStatus => job(send(api, Asked::get(&path(read(arguments)?)?.parts(""))).await?),
        Tool::JobResult => result(&path(read(arguments)?)?, api).await,
        Tool::CancelJob => {
            let path = path(read(arguments)?)?;
            job(send(api, Asked::post(&path.parts("cancel"), json!({}))).await?)
        }
    }
}

fn read<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|error| {
        let (place, error) = (error.path().to_string(), error.inner());
        let at = if place == "." { String::new() } else { format!("`{place}`: ") };
        let message = format!(
            "the arguments are not valid: {at}{error}. The tool's input schema says them all"
        );
        Problem::new("invalid_arguments", message)
    })
}

fn decode<T: DeserializeOwned>(told: Value) -> Result<T, Problem> {
    serde_json::from_value(told).map_err(|_| {
        let message = "the node answers in a way that this program does not know: it is of another \
                       version, so update the older one and start the node again";
        Problem::new("other_version", message)
    })
}

fn outcome(text: String, told: &impl Serialize) -> Result<Outcome, Problem> {
    let value = serde_json::to_value(told).map_err(|_| {
        Problem::new("internal_error", "something went wrong inside: please report it")
    })?;
    Ok(Outcome { text, value })
}

/// Sends a request, and says what to do next where the API does not know that a tool asked.
async fn send(api: &impl Api, asked: Asked) -> Result<Told, Problem> {
    api.ask(asked).await.map_err(|problem| {
        let next = match problem.code.as_str() {
            "model_not_found" => "list_models tells the names that there are",
            "job_not_found" => "list_jobs tells the ids that there are",
            "job_not_over" => "look with job_status, and ask again when it is completed",
            "job_over" => "job_result tells its answer, if it completed",
            "invalid_token" => {
                "give this MCP server an API key as bearer token; `pumasi keys create NAME --scope \
                 inference,jobs,view` makes one"
            }
            "scope_missing" => "a key with more scopes is made by `pumasi keys create`",
            "context_length_exceeded" => "shorten the prompt, or ask a model with more tokens",
            _ => return problem,
        };
        Problem { message: format!("{}. Next: {next}", problem.message), ..problem }
    })
}

async fn list<T: DeserializeOwned, L: From<List<T>>>(
    api: &impl Api,
    asked: Asked,
) -> Result<L, Problem> {
    let list: List<T> = decode(send(api, asked).await?.body)?;
    Ok(list.into())
}

async fn ask(asked: arguments::Ask, api: &impl Api) -> Result<Outcome, Problem> {
    let mut request = chat(asked.model, asked.prompt, asked.system, asked.max_tokens)?;
    if let Some(temperature) = asked.temperature {
        request.insert("temperature".to_owned(), json!(temperature));
    }
    let path = ["v1", "chat", "completions"];
    answer(send(api, Asked::post(&path, Value::Object(request))).await?)
}

fn answer(told: Told) -> Result<Outcome, Problem> {
    let reply: Reply = decode(told.body)?;
    let answer = Answer::of(reply, told.provider).ok_or_else(|| {
        Problem::new("no_answer", "the model gave no answer: ask again, or ask another model")
    })?;
    outcome(answer.text(), &answer)
}

/// The body of a chat of one turn.
fn chat(
    model: String,
    prompt: String,
    system: Option<String>,
    max_tokens: Option<u32>,
) -> Result<Map<String, Value>, Problem> {
    let bytes = prompt.len() + system.as_ref().map_or(0, String::len);
    if bytes > limits::PROMPT_BYTES {
        let most = limits::PROMPT_BYTES;
        let message = format!("the prompt has {bytes} bytes, {most} are allowed: shorten it");
        return Err(Problem::new("prompt_too_long", message));
    }
    let system = system.map(|text| json!({ "role": "system", "content": text }));
    let user = json!({ "role": "user", "content": prompt });
    let messages: Vec<Value> = system.into_iter().chain([user]).collect();
    let max_tokens = max_tokens.unwrap_or(limits::ANSWER_TOKENS);
    let fields =
        [("model", json!(model)), ("messages", messages.into()), ("max_tokens", json!(max_tokens))];
    Ok(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

async fn embed(asked: arguments::Embed, api: &impl Api) -> Result<Outcome, Problem> {
    let (count, most) = (asked.texts.len(), limits::EMBED_TEXTS);
    let bytes: usize = asked.texts.iter().map(String::len).sum();
    if !(1..=most).contains(&count) || bytes > limits::PROMPT_BYTES {
        let message = format!(
            "1 to {most} texts of {} bytes together are taken, these are {count} of {bytes} bytes: \
             send them in several calls",
            limits::PROMPT_BYTES
        );
        return Err(Problem::new("too_many_texts", message));
    }
    let body = json!({ "model": asked.model, "input": asked.texts, "encoding_format": "float" });
    let embedded: Embedded =
        decode(send(api, Asked::post(&["v1", "embeddings"], body)).await?.body)?;
    let vectors = Vectors::from(embedded);
    outcome(vectors.text(), &vectors)
}

async fn jobs(asked: arguments::Jobs, api: &impl Api) -> Result<Outcome, Problem> {
    let most = u32::try_from(limits::LISTED).unwrap_or(u32::MAX);
    let limit = asked.limit.unwrap_or(limits::JOBS_DEFAULT).clamp(1, most);
    let query = vec![("live", asked.live.to_string()), ("limit", limit.to_string())];
    let asked = Asked { query, ..Asked::get(&["api", "v1", "jobs"]) };
    let jobs: Jobs = list(api, asked).await?;
    outcome(jobs.text(), &jobs)
}

async fn submit(asked: arguments::Submit, api: &impl Api) -> Result<Outcome, Problem> {
    let request = chat(asked.model, asked.prompt, asked.system, asked.max_tokens)?;
    let body = json!({ "kind": "chat", "request": request });
    let submission = Asked {
        idempotency_key: asked.idempotency_key,
        ..Asked::post(&["api", "v1", "jobs"], body)
    };
    job(send(api, submission).await?)
}

fn job(told: Told) -> Result<Outcome, Problem> {
    let job: Job = decode(told.body)?;
    outcome(job.text(), &job)
}

/// A job of embeddings has no text: its answer is told as it is.
async fn result(path: &JobPath, api: &impl Api) -> Result<Outcome, Problem> {
    let told = send(api, Asked::get(&path.parts("result"))).await?;
    if told.body["choices"].is_array() {
        return answer(told);
    }
    let (text, cut_off) = cut(told.body.to_string());
    let value = json!({ "answer": text, "model": told.body["model"], "cut_off": cut_off,
        "computer": null, "provider": null, "job": path.0,
        "prompt_tokens": null, "completion_tokens": null });
    Ok(Outcome { text, value })
}

/// Where a job is found in the API.
struct JobPath(String);

/// What cannot be an id is not sent.
fn path(asked: arguments::Job) -> Result<JobPath, Problem> {
    let plain = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    let id = asked.job;
    if (1..=limits::JOB_CHARS).contains(&id.len()) && id.bytes().all(plain) {
        return Ok(JobPath(id));
    }
    Err(Problem::new(
        "job_not_found",
        "there is no such job. Next: list_jobs tells the ids that there are",
    ))
}

impl JobPath {
    fn parts<'a>(&'a self, what: &'a str) -> Vec<&'a str> {
        let parts = ["api", "v1", "jobs", &self.0, what];
        parts.into_iter().filter(|part| !part.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// An API that keeps what it was asked, and answers the same to everything.
    struct Double {
        asked: Mutex<Vec<Asked>>,
        told: Result<Value, Problem>,
    }

    impl Api for Double {
        async fn ask(&self, asked: Asked) -> Result<Told, Problem> {
            self.asked.lock().expect("no test panics with it").push(asked);
            self.told.clone().map(|body| Told { body, provider: None })
        }
    }

    async fn called(
        tool: Tool,
        arguments: Value,
        told: Result<Value, Problem>,
    ) -> (Result<Outcome, Problem>, Vec<Asked>) {
        let api = Double { asked: Mutex::default(), told };
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let outcome = call(tool, arguments, &api).await;
        (outcome, api.asked.into_inner().expect("no test panics with it"))
    }

    fn refused(code: &str) -> Result<Value, Problem> {
        Err(Problem::new(code, "no"))
    }

    #[tokio::test]
    async fn wrong_arguments_are_told_and_nothing_is_asked() {
        let long = "x".repeat(limits::PROMPT_BYTES + 1);
        for (tool, arguments, code) in [
            (Tool::ListModels, json!({ "x": 1 }), "invalid_arguments"),
            (Tool::AskModel, json!({ "model": "m" }), "invalid_arguments"),
            (Tool::AskModel, json!({ "model": "m", "prompt": 3 }), "invalid_arguments"),
            (Tool::AskModel, json!({ "model": "m", "prompt": long }), "prompt_too_long"),
            (Tool::EmbedTexts, json!({ "model": "m", "texts": [] }), "too_many_texts"),
            (Tool::EmbedTexts, json!({ "model": "m", "texts": vec!["x"; 33] }), "too_many_texts"),
            (Tool::ListJobs, json!({ "limit": -1 }), "invalid_arguments"),
            (Tool::JobStatus, json!({ "job": "../keys" }), "job_not_found"),
            (Tool::CancelJob, json!({ "job": "" }), "job_not_found"),
            (Tool::JobResult, json!({ "job": "a".repeat(65) }), "job_not_found"),
        ] {
            let (outcome, asked) = called(tool, arguments, Ok(json!({}))).await;
            assert_eq!((outcome.expect_err("refused").code.as_str(), asked), (code, Vec::new()));
        }
    }

    #[tokio::test]
    async fn a_question_becomes_a_chat_with_a_ceiling() {
        let arguments = json!({ "model": "m", "prompt": "p", "system": "s", "temperature": 0.5 });
        let (_, asked) = called(Tool::AskModel, arguments, refused("x")).await;
        let body = json!({ "model": "m", "max_tokens": 4_096, "temperature": 0.5, "messages": [
            { "role": "system", "content": "s" }, { "role": "user", "content": "p" }] });
        assert_eq!(asked, [Asked::post(&["v1", "chat", "completions"], body)]);
    }

    #[tokio::test]
    async fn what_the_api_refuses_is_told_with_the_tool_to_use_next() {
        for (tool, code, next) in [
            (Tool::ListComputers, "invalid_token", "API key"),
            (Tool::ListComputers, "scope_missing", "pumasi keys create"),
            (Tool::ListModels, "node_not_running", "no"),
        ] {
            let (outcome, _) = called(tool, json!({}), refused(code)).await;
            let problem = outcome.expect_err("refused");
            assert_eq!(problem.code, code);
            assert!(problem.message.contains(next), "{problem:?}");
        }
        let id = json!({ "job": "018f2b6e-7a10" });
        let (outcome, asked) = called(Tool::JobResult, id, refused("job_not_over")).await;
        assert!(outcome.expect_err("refused").message.contains("job_status"));
        assert_eq!(asked, [Asked::get(&["api", "v1", "jobs", "018f2b6e-7a10", "result"])]);
    }

    #[tokio::test]
    async fn an_answer_of_another_version_is_no_panic() {
        for told in [json!(null), json!([]), json!({ "data": [1] }), json!({ "choices": [] })] {
            for tool in [Tool::ListModels, Tool::ListComputers, Tool::ListJobs] {
                let (outcome, _) = called(tool, json!({}), Ok(told.clone())).await;
                assert_eq!(outcome.expect_err("refused").code, "other_version");
            }
        }
    }
}
