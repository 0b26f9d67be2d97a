//! Ctrl-C and termination: the first asks the work in hand to stop, a second ends the process at once. With no work in hand the first
//! ends it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

const IDLE: u8 = 0;
const WORKING: u8 = 1;
const ASKED: u8 = 2;

#[derive(Default)]
struct Shared {
    state: AtomicU8,
    /// Exit code of the signal that asked: 128 and its number.
    code: AtomicU8,
    asked: Notify,
}

pub struct Signals(Arc<Shared>);

impl Signals {
    /// Starts listening. Where handlers cannot be installed, signals keep their usual meaning.
    pub fn listen(runtime: &Runtime) -> Signals {
        let shared = Arc::new(Shared::default());
        let _inside = runtime.enter();
        for (kind, code) in [(SignalKind::interrupt(), 130), (SignalKind::terminate(), 143)] {
            if let Ok(stream) = signal(kind) {
                runtime.spawn(watch(Arc::clone(&shared), stream, code));
            }
        }
        Signals(shared)
    }

    /// Runs `work`; when a signal comes first, `asked` is called once and decides whether to go on waiting for the work's own end. Gives the
    /// work's result (`None` when it was given up) and the exit code of the signal, if one came.
    pub async fn heed<T>(&self, work: impl Future<Output = T>, asked: impl FnOnce() -> bool) -> (Option<T>, Option<u8>) {
        self.0.state.store(WORKING, Ordering::SeqCst);
        tokio::pin!(work);
        let outcome = tokio::select! {
            biased;
            () = self.0.asked.notified() => {
                let code = self.0.code.load(Ordering::SeqCst);
                let result = if asked() { Some(work.await) } else { None };
                (result, Some(code))
            }
            result = &mut work => (Some(result), None),
        };
        self.0.state.store(IDLE, Ordering::SeqCst);
        outcome
    }
}

async fn watch(shared: Arc<Shared>, mut stream: Signal, code: u8) {
    while stream.recv().await.is_some() {
        shared.code.store(code, Ordering::SeqCst);
        if shared.state.compare_exchange(WORKING, ASKED, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            std::process::exit(i32::from(code));
        }
        shared.asked.notify_one();
    }
}
