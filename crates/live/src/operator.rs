//! What a view is made of. A [`Stage`] says what is computed and is shared; its [`Operator`] holds the state.

use crate::delta::Delta;
use crate::frontier::Frontier;
use arrow::array::{RecordBatch, UInt32Array};
use tidemill_core::Result;

pub(crate) trait Stage: std::any::Any + Send + Sync {
    /// For people: `aggregate by window_start`.
    fn name(&self) -> String;
    /// Everything that decides what its state means.
    fn fingerprint(&self) -> String;
    /// What it keeps, for people; `None`: nothing.
    fn keeps(&self) -> Option<String>;
    /// How far time has got in what it gives, from how far it has got in what it takes.
    fn frontier(&self, inputs: &[Frontier]) -> Result<Frontier>;
    fn start(&self) -> Result<Box<dyn Operator>>;
}

/// What an operator may know, and tell, while it takes rows.
#[derive(Debug, Default)]
pub(crate) struct Cx {
    /// Which rows came after their time and were left out of something: where they come from, maybe more than once.
    pub(crate) left_out: Vec<u32>,
}

impl Cx {
    /// Of a change, these rows are left out.
    pub(crate) fn leave_out(&mut self, delta: Option<&UInt32Array>, rows: impl IntoIterator<Item = usize>) {
        if let Some(origin) = delta {
            self.left_out.extend(rows.into_iter().map(|row| origin.value(row)));
        }
    }
}

pub(crate) trait Operator: Send {
    /// Takes a change from one of its inputs. What can be said at once goes to `out`; the rest waits for [`Operator::flush`].
    fn push(&mut self, port: usize, delta: Delta, cx: &mut Cx, out: &mut Vec<Delta>) -> Result<()>;

    /// Time went on in its inputs. Rows before it are late from now on; what is over is closed at the next flush.
    fn advance(&mut self, _inputs: &[Frontier]) -> Result<()> {
        Ok(())
    }

    /// Says everything that it has not said yet, then forgets what can't change any more.
    fn flush(&mut self, _out: &mut Vec<Delta>) -> Result<()> {
        Ok(())
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }

    /// Its state, after a flush. Nothing for what has none.
    fn save(&mut self) -> Result<Vec<RecordBatch>> {
        Ok(Vec::new())
    }

    fn restore(&mut self, _state: &[RecordBatch]) -> Result<()> {
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Groups, rows, values kept.
    pub rows: u64,
    pub bytes: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Usage) {
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}
