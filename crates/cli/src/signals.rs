//! Ctrl-C and termination: the first asks the work in hand to stop, a second ends the process at once. With no work in hand the first
//! ends it.

use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

const IDLE: u8 = 0;
const WORKING: u8 = 1;
const ASKED: u8 = 2;

/// Asks work to stop. Called on the signals' own thread, so that it is heard however busy the others are.
pub type Stop = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Shared {
    state: AtomicU8,
    /// Exit code of the signal that asked: 128 and its number.
    code: AtomicU8,
    stop: Mutex<Option<Stop>>,
    asked: Notify,
}

pub struct Signals(Arc<Shared>);

impl Signals {
    /// Starts listening, on a thread of its own. Where that cannot be had, signals keep their usual meaning.
    pub fn listen() -> Signals {
        let shared = Arc::new(Shared::default());
        let ours = Arc::clone(&shared);
        let listener = std::thread::Builder::new().name("signals".into()).spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
            runtime.block_on(async {
                let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
                tokio::join!(watch(&ours, interrupt.ok(), 130), watch(&ours, terminate.ok(), 143));
            });
        });
        drop(listener);
        Signals(shared)
    }

    /// Runs `work`. When a signal comes first, work that can be stopped is asked to and waited for; other work is given up. Gives the work's
    /// result (`None` when it was given up) and the exit code of the signal, if one came.
    pub async fn heed<T>(&self, work: impl Future<Output = T>, stop: Option<Stop>) -> (Option<T>, Option<u8>) {
        let stoppable = stop.is_some();
        *self.0.stop.lock() = stop;
        self.0.state.store(WORKING, Ordering::SeqCst);
        tokio::pin!(work);
        let result = tokio::select! {
            biased;
            () = self.0.asked.notified(), if !stoppable => None,
            result = &mut work => Some(result),
        };
        let asked = self.0.state.swap(IDLE, Ordering::SeqCst) == ASKED;
        self.0.stop.lock().take();
        if asked && result.is_some() {
            self.0.asked.notified().await; // nobody waited for it; the next work must not find it
        }
        (result, asked.then(|| self.0.code.load(Ordering::SeqCst)))
    }
}

async fn watch(shared: &Shared, stream: Option<Signal>, code: u8) {
    let Some(mut stream) = stream else { return };
    while stream.recv().await.is_some() {
        shared.code.store(code, Ordering::SeqCst);
        if shared.state.compare_exchange(WORKING, ASKED, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            std::process::exit(i32::from(code));
        }
        let stop = shared.stop.lock().take();
        if let Some(stop) = stop {
            stop();
        }
        shared.asked.notify_one();
    }
}
