//! How fast this machine reads weights and multiplies, measured once with the library's own kernels
//! on its best device: `pumasi-llama --measure` prints it as one line of JSON and ends.
#![allow(unsafe_code)]

use std::io::Write;
use std::ptr;
use std::time::{Duration, Instant};

use llama_cpp_sys_2 as sys;
use serde::Serialize;

use crate::machine;

/// Argument that asks for it.
pub(crate) const ARGUMENT: &str = "--measure";

/// Elements of a row, and rows of a matrix.
const ROW: i64 = 4_096;
const ROWS: i64 = 8_192;
/// Matrices: together larger than any cache of a processor.
const MATRICES: usize = 12;
/// Tokens of a prompt that are computed at once.
const PROMPT: i64 = 64;
/// What all bytes are: neither zero nor so small that a processor slows down.
const FILL: u8 = 0x22;
/// How long each of the two is repeated; the first run of each is not counted.
const LASTS: Duration = Duration::from_millis(400);

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    /// Bytes of 4-bit weights that are read and multiplied with one vector, per second.
    bytes_per_s: f64,
    /// Multiplications and additions of a prompt, per second.
    operations_per_s: f64,
}

/// Measures and prints. False if the library could not do it.
pub(crate) fn print() -> bool {
    let Some(measured) = Bench::new().and_then(|bench| bench.measure()) else { return false };
    let line = serde_json::to_string(&measured).expect("plain data is always JSON");
    writeln!(std::io::stdout(), "{line}").is_ok()
}

/// Matrices on a device; freed at its end.
struct Bench {
    backend: sys::ggml_backend_t,
    buffer: sys::ggml_backend_buffer_t,
    context: *mut sys::ggml_context,
    weights: Vec<*mut sys::ggml_tensor>,
    vector: *mut sys::ggml_tensor,
    prompt: *mut sys::ggml_tensor,
}

impl Drop for Bench {
    fn drop(&mut self) {
        // SAFETY: each is null or was given by its constructor, and is freed once, users first.
        unsafe {
            if !self.buffer.is_null() {
                sys::ggml_backend_buffer_free(self.buffer);
            }
            if !self.context.is_null() {
                sys::ggml_free(self.context);
            }
            if !self.backend.is_null() {
                sys::ggml_backend_free(self.backend);
            }
        }
    }
}

/// A context that holds descriptions only.
fn context() -> *mut sys::ggml_context {
    let params =
        sys::ggml_init_params { mem_size: 16 << 20, mem_buffer: ptr::null_mut(), no_alloc: true };
    // SAFETY: the parameters are valid; null is checked by the callers.
    unsafe { sys::ggml_init(params) }
}

impl Bench {
    fn new() -> Option<Self> {
        // SAFETY: takes nothing; null where there is no device.
        let backend = unsafe { sys::ggml_backend_init_best() };
        let (buffer, nothing) = (ptr::null_mut(), ptr::null_mut());
        let mut bench = Self {
            backend,
            buffer,
            context: context(),
            weights: Vec::new(),
            vector: nothing,
            prompt: nothing,
        };
        if bench.backend.is_null() || bench.context.is_null() {
            return None;
        }
        // SAFETY: context and backend are valid; the context has room for these descriptions; all
        // tensors are in the one buffer that is cleared before they are read.
        unsafe {
            if sys::ggml_backend_is_cpu(bench.backend) {
                let threads = i32::from(machine::physical_cores());
                sys::ggml_backend_cpu_set_n_threads(bench.backend, threads);
            }
            let kind = sys::GGML_TYPE_Q4_K;
            for _ in 0..MATRICES {
                bench.weights.push(sys::ggml_new_tensor_2d(bench.context, kind, ROW, ROWS));
            }
            bench.vector = sys::ggml_new_tensor_2d(bench.context, sys::GGML_TYPE_F32, ROW, 1);
            bench.prompt = sys::ggml_new_tensor_2d(bench.context, sys::GGML_TYPE_F32, ROW, PROMPT);
            bench.buffer = sys::ggml_backend_alloc_ctx_tensors(bench.context, bench.backend);
            if bench.buffer.is_null() {
                return None;
            }
            sys::ggml_backend_buffer_clear(bench.buffer, FILL);
        }
        Some(bench)
    }

    fn measure(&self) -> Option<Measured> {
        let bytes: usize = self
            .weights
            .iter()
            .map(|weights| {
                // SAFETY: the tensors live as long as the context.
                unsafe { sys::ggml_nbytes(*weights) }
            })
            .sum();
        let decode = self.time(&self.weights, self.vector)?;
        let prefill = self.time(&self.weights[..1], self.prompt)?;
        let operations = 2.0 * (ROW * ROWS * PROMPT) as f64;
        Some(Measured {
            bytes_per_s: bytes as f64 / decode.as_secs_f64(),
            operations_per_s: operations / prefill.as_secs_f64(),
        })
    }

    /// How long multiplying all of `weights` with `vectors` takes, at best.
    fn time(
        &self,
        weights: &[*mut sys::ggml_tensor],
        vectors: *mut sys::ggml_tensor,
    ) -> Option<Duration> {
        let graph_context = context();
        if graph_context.is_null() {
            return None;
        }
        // SAFETY: all tensors are valid and allocated; the products are allocated before they are
        // computed; what is made here is freed at the end, products before their descriptions.
        unsafe {
            let graph = sys::ggml_new_graph(graph_context);
            for weights in weights {
                let product = sys::ggml_mul_mat(graph_context, *weights, vectors);
                sys::ggml_build_forward_expand(graph, product);
            }
            let products = sys::ggml_backend_alloc_ctx_tensors(graph_context, self.backend);
            let mut best = None;
            if !products.is_null() {
                best = self.repeat(graph);
                sys::ggml_backend_buffer_free(products);
            }
            sys::ggml_free(graph_context);
            best
        }
    }

    fn repeat(&self, graph: *mut sys::ggml_cgraph) -> Option<Duration> {
        let (began, mut best) = (Instant::now(), None::<Duration>);
        let mut is_first = true;
        while is_first || began.elapsed() < LASTS {
            let start = Instant::now();
            // SAFETY: graph and backend are valid, and every tensor of the graph is allocated.
            let status = unsafe {
                let status = sys::ggml_backend_graph_compute(self.backend, graph);
                sys::ggml_backend_synchronize(self.backend);
                status
            };
            if status != sys::GGML_STATUS_SUCCESS {
                return None;
            }
            let took = start.elapsed();
            if !is_first {
                best = Some(best.map_or(took, |known| known.min(took)));
            }
            is_first = false;
        }
        best.or(Some(began.elapsed()))
    }
}
