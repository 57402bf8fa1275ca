//! RocksDB's names without RocksDB.
//!
//! The crate `limitador` (0.11 to 0.14) does not compile with its Redis storage alone: the names of Redis keys are in a
//! module that its feature `disk_storage` turns on. That feature wants RocksDB, which is half an hour of C++ for a storage
//! that nobody opens here. So these are the names that its disk storage mentions. A database can't be opened: the type has
//! no value.

#![expect(missing_docs, reason = "the names are RocksDB's")]

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

pub enum DBWithThreadMode<T> {
    #[doc(hidden)]
    Never(Never, PhantomData<T>),
}

/// What there is none of.
#[derive(Clone, Copy, Debug)]
pub enum Never {}

pub struct MultiThreaded;

pub type DB = DBWithThreadMode<MultiThreaded>;

type Bytes = Box<[u8]>;

impl<T> DBWithThreadMode<T> {
    pub fn open(_: &Options, _: impl AsRef<Path>) -> Result<Self, Error> {
        Err(Error)
    }

    pub fn get(&self, _: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Error> {
        Err(Error)
    }

    pub fn delete(&self, _: impl AsRef<[u8]>) -> Result<(), Error> {
        Err(Error)
    }

    pub fn merge(&self, _: impl AsRef<[u8]>, _: impl AsRef<[u8]>) -> Result<(), Error> {
        Err(Error)
    }

    pub fn iterator(&self, _: IteratorMode) -> std::iter::Empty<Result<(Bytes, Bytes), Error>> {
        std::iter::empty()
    }

    pub fn prefix_iterator(&self, _: impl AsRef<[u8]>) -> std::iter::Empty<Result<(Bytes, Bytes), Error>> {
        std::iter::empty()
    }
}

#[derive(Default)]
pub struct Options;

impl Options {
    pub fn set_compression_type(&mut self, _: DBCompressionType) {}

    pub fn set_compaction_filter(
        &mut self,
        _: impl AsRef<str>,
        _: impl FnMut(u32, &[u8], &[u8]) -> CompactionDecision + Send + 'static,
    ) {
    }

    pub fn set_merge_operator_associative(
        &mut self,
        _: impl AsRef<str>,
        _: impl Fn(&[u8], Option<&[u8]>, &MergeOperands) -> Option<Vec<u8>> + Clone + Send + Sync + 'static,
    ) {
    }

    pub fn create_if_missing(&mut self, _: bool) {}
}

pub struct MergeOperands;

impl<'a> IntoIterator for &'a MergeOperands {
    type Item = &'a [u8];
    type IntoIter = std::iter::Empty<&'a [u8]>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::empty()
    }
}

pub enum IteratorMode {
    Start,
}

pub enum CompactionDecision {
    Keep,
    Remove,
}

pub enum DBCompressionType {
    Bz2,
    None,
}

#[derive(Debug, PartialEq, Eq)]
pub enum ErrorKind {
    NotSupported,
    TimedOut,
    TryAgain,
}

#[derive(Debug)]
pub struct Error;

impl Error {
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::NotSupported
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no RocksDB here")
    }
}

impl std::error::Error for Error {}
