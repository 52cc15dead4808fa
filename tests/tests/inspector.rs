//! The inspector, end to end: a file without a node, a model of this node, one that only another
//! computer holds, and what cannot be read.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pumasi_tests::command::{pumasi, run, until};
use pumasi_tests::nodes::{MEET, Node, STARTER, Setup, join_all};
use pumasi_tests::tree;
use serde_json::Value;

fn starter() -> PathBuf {
    tree::root().join("engines/llama/starter/starter-chat.gguf")
}

fn share(inspection: &Value, part: &str) -> f64 {
    let parts = inspection["parts"].as_array().expect("a list").iter();
    let found = parts.filter(|sum| sum["part"] == part).filter_map(|sum| sum["share"].as_f64());
    found.sum()
}

/// What the training script of the starter model says of it.
fn is_the_starter(inspection: &Value) {
    let fields = [
        ("architecture", "llama"),
        ("family", "Llama"),
        ("quantization", "Q8_0"),
        ("license", "Apache-2.0 OR MIT"),
    ];
    for (field, value) in fields {
        assert_eq!(inspection[field], value, "{inspection}");
    }
    let numbers = [
        ("parameters", 913_408),
        ("block_count", 4),
        ("embedding_length", 128),
        ("context", 1_024),
        ("vocabulary", 471),
    ];
    for (field, value) in numbers {
        assert_eq!(inspection[field], value, "{field} of {inspection}");
    }
    assert_eq!(inspection["attention"]["kind"], "multi_head");
    let all: f64 = ["embedding", "attention", "feed_forward", "norms"]
        .iter()
        .map(|part| share(inspection, part))
        .sum();
    assert!((all - 1.0).abs() < 1e-9, "{inspection}");
    // Keys and values of 4 blocks, 4 heads of 32 elements, 2 bytes each.
    let last = inspection["cache"].as_array().and_then(|points| points.last());
    assert_eq!(last.map(|point| &point["f16"]), Some(&Value::from(4 * 2 * 128 * 2 * 1_024)));
    let explained = inspection["explanations"].as_array().expect("a list");
    assert!(explained.len() >= 9, "{inspection}");
}

#[test]
fn a_file_is_explained_without_a_node() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = starter();
    let file = file.to_str().expect("a path in ASCII");
    let inspect = |more: &[&str]| {
        let arguments = [&["inspect", file], more].concat();
        run(pumasi(folder.path()).args(arguments))
    };
    is_the_starter(&inspect(&["--json"]).json());
    let told = inspect(&["--explain", "--tensors", "--language", "en"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    for words in ["multi-head (MHA): 4 heads of 32", "blk.*.ffn_up.weight", "Multi-head attention"]
    {
        assert!(told.stdout.contains(words), "{words}: {}", told.stdout);
    }
    let korean = inspect(&["--explain", "--language=ko"]);
    assert!(korean.stdout.contains("멀티 헤드 어텐션"), "{}", korean.stdout);
    // Each token more takes 2 KiB; the context for embeddings stays as it is.
    let cache = |tokens: &str| {
        let planned = inspect(&["--json", "--slots=1", "--context", tokens]).json();
        planned["fits"][0]["devices"][0]["cache"].as_u64().expect("a number")
    };
    assert_eq!(cache("1024") - cache("512"), 512 * 2_048);
}

#[test]
fn what_is_no_model_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let inspect = |what: &str| run(pumasi(folder.path()).args(["inspect", what]));
    let absent = inspect("./absent.gguf");
    assert_eq!(absent.code, Some(66), "{absent:?}");
    assert!(absent.stderr.contains("there is no file"), "{absent:?}");
    let broken = folder.path().join("broken.gguf");
    std::fs::write(&broken, b"GGUF\x03\0\0\0").expect("it is written");
    let refused = inspect(broken.to_str().expect("a path in ASCII"));
    assert_eq!(refused.code, Some(65), "{refused:?}");
    assert!(refused.stderr.contains("broken.gguf"), "{refused:?}");
    assert_eq!(inspect("no such model").code, Some(2));
    assert_eq!(inspect("org/some-model").code, Some(69), "no node runs");
}

#[test]
fn a_model_of_the_mesh_is_explained_wherever_it_is() {
    let models = tempfile::tempdir().expect("a temporary folder");
    std::fs::copy(starter(), models.path().join("far-chat.gguf")).expect("the model is copied");
    let far = Setup::new("far").with(format!("--model-dir={}", models.path().display())).start();
    let nodes = [Node::start("near"), far];
    join_all(&nodes);
    let [near, far] = &nodes;
    let own = near.get(&format!("/api/v1/models/{STARTER}/inspect"));
    is_the_starter(&own);
    assert_eq!(own["node"]["name"], "near");
    let told = until("near knows the model of far", MEET, || {
        let answer = near.request("GET", "/api/v1/models/far-chat/inspect?language=ko", None);
        (answer.status == 200).then_some(answer.body)
    });
    is_the_starter(&told);
    assert_eq!(told["node"]["name"], "far");
    // Both could load it, and each says with how much memory.
    until("both computers are compared", MEET, || {
        let told = near.get("/api/v1/models/far-chat/inspect");
        let fits = told["fits"].as_array().expect("a list").clone();
        let all = fits.len() == 2 && fits.iter().all(|fit| fit["fits"] == true);
        all.then_some(())
    });
    let from_there = format!("/api/v1/models/{STARTER}/inspect?node={}", far.id());
    assert_eq!(near.get(&from_there)["node"]["name"], "far");
    let by_name = near.pumasi(&["inspect", "far-chat", "--node", "far", "--json"]).json();
    is_the_starter(&by_name);
    let wide = near.pumasi(&["inspect", "far-chat", "--context=4000000000", "--slots=64"]);
    assert_eq!(wide.code, Some(0), "{wide:?}");
    let unknown = near.pumasi(&["inspect", "absent"]);
    assert_eq!(unknown.code, Some(66), "{unknown:?}");
}

/// A server that gives ranges of one file, or refuses, and counts the bytes that it gave.
fn file_server(bytes: Vec<u8>, ranges: bool) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let given = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&given);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever hangs up early has what it wanted.
            let _ = serve(stream, &bytes, ranges, &counted);
        }
    });
    (format!("http://{address}/model.gguf"), given)
}

fn serve(stream: TcpStream, bytes: &[u8], ranges: bool, given: &AtomicU64) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut range = None;
    for line in lines.by_ref() {
        let line = line?.to_ascii_lowercase();
        if let Some((from, last)) =
            line.strip_prefix("range: bytes=").and_then(|r| r.split_once('-'))
        {
            range = from.parse::<usize>().ok().zip(last.parse::<usize>().ok());
        }
        if line.is_empty() {
            break;
        }
    }
    let mut stream = stream;
    let Some((from, last)) = range.filter(|_| ranges) else {
        return write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    };
    let last = last.min(bytes.len() - 1);
    let part = &bytes[from..=last];
    given.fetch_add(part.len() as u64, Ordering::Relaxed);
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {from}-{last}/{}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        bytes.len(),
        part.len()
    )?;
    stream.write_all(part)
}

#[test]
fn a_file_elsewhere_is_explained_by_its_header_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = std::fs::read(starter()).expect("the starter model");
    let (url, given) = file_server(whole.clone(), true);
    let told = run(pumasi(folder.path()).args(["inspect", &url, "--json"]));
    is_the_starter(&told.json());
    let given = given.load(Ordering::Relaxed);
    assert!(given < whole.len() as u64 / 2, "{given} of {} bytes were fetched", whole.len());

    let (no_ranges, _) = file_server(whole, false);
    let refused = run(pumasi(folder.path()).args(["inspect", &no_ranges]));
    assert_eq!(refused.code, Some(65), "{refused:?}");
    assert!(refused.stderr.contains("whole files"), "{refused:?}");
    let (broken, _) = file_server(b"not a model at all".to_vec(), true);
    assert_eq!(run(pumasi(folder.path()).args(["inspect", &broken])).code, Some(65));
    let secure = run(pumasi(folder.path()).args(["inspect", "https://127.0.0.1:1/x.gguf"]));
    assert_eq!(secure.code, Some(2), "{secure:?}");
    let nobody = run(pumasi(folder.path()).args(["inspect", "http://127.0.0.1:1/x.gguf"]));
    assert_eq!(nobody.code, Some(69), "{nobody:?}");
}

#[test]
fn models_are_recommended_with_numbers() {
    let node = Node::start("desk");
    let told = until("it knows itself", MEET, || {
        let told = node.pumasi(&["recommend", "--json"]).json();
        told["nodes"][0].is_object().then_some(told)
    });
    assert_eq!(told["nodes"][0]["node"]["name"], "desk", "{told}");
    assert!(told["source"].as_str().is_some_and(|source| source.contains("arXiv")), "{told}");
    let best = &told["nodes"][0]["best"];
    // A machine with hardly any memory free has none, and says so.
    if best.is_null() {
        let shown = node.pumasi(&["recommend"]);
        assert!(shown.stdout.contains("nothing of the table fits"), "{shown:?}");
        return;
    }
    let free = best["fit"]["devices"][0]["free"].as_u64().expect("a number");
    assert!(best["fit"]["needed"].as_u64() <= Some(free), "{best}");
    let rate = best["fit"]["speed"]["decode_tokens_per_s"].as_f64();
    assert!(rate.is_some_and(|rate| rate > 0.0), "the worker measured this computer: {best}");
    assert!(node.folder().join("pace.json").exists(), "what was measured is kept");
    let shown = node.pumasi(&["recommend", "--language=ko"]);
    assert!(shown.stdout.contains("품질"), "{shown:?}");
}
