//! HTTP/2 frame by frame (RFC 9113), for what a client library refuses to send: any byte in a pseudo header, a thousand
//! copies of one, a stream that is reset at a chosen moment.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection by prior knowledge. Streams are numbered 1, 3, 5 ...
pub struct Frames {
    stream: TcpStream,
    next: u32,
}

/// What became of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// An answer, with this status.
    Answered(u16),
    /// The server has reset the stream.
    Reset,
    /// The server has given up the connection.
    Closed,
    /// Nothing has come in time.
    Silent,
}

impl Frames {
    /// Connects and greets.
    ///
    /// # Panics
    /// When there is no connection.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("no connection to {address}: {error}"));
        stream.set_nodelay(true).expect("a fresh socket");
        let mut frames = Self { stream, next: 1 };
        frames.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        // HEADER_TABLE_SIZE 0: the server repeats itself in words that can be read without remembering the last ones.
        frames.frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]);
        frames
    }

    /// Opens a stream with these header pairs, pseudo headers among them, and gives its number. `last` ends the request.
    pub fn headers(&mut self, pairs: &[(&[u8], &[u8])], last: bool) -> u32 {
        let id = self.next;
        self.next += 2;
        let block: Vec<u8> = pairs.iter().flat_map(|(name, value)| literal(name, value)).collect();
        let mut pieces = block.chunks(MAX_FRAME).peekable();
        let mut kind = HEADERS;
        while let Some(piece) = pieces.next() {
            let end_headers = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            let end_stream = if last && kind == HEADERS { END_STREAM } else { 0 };
            self.frame(kind, end_headers | end_stream, id, piece);
            kind = CONTINUATION;
        }
        id
    }

    /// A piece of the body.
    pub fn data(&mut self, id: u32, body: &[u8], last: bool) {
        self.frame(DATA, if last { END_STREAM } else { 0 }, id, body);
    }

    /// Takes the request back (`CANCEL`).
    pub fn reset(&mut self, id: u32) {
        self.frame(RST_STREAM, 0, id, &8_u32.to_be_bytes());
    }

    /// Waits for what becomes of a stream. What becomes of others before it is lost.
    #[must_use]
    pub fn fate(&mut self, id: u32, patience: Duration) -> Fate {
        loop {
            match self.next_fate(patience) {
                (None, fate) => return fate,
                (Some(of), fate) if of == id => return fate,
                (Some(_), _) => {}
            }
        }
    }

    /// Waits for what becomes of this many streams, by their numbers; fewer if the server closes or falls silent.
    #[must_use]
    pub fn fates(&mut self, patience: Duration, count: usize) -> BTreeMap<u32, Fate> {
        let mut fates = BTreeMap::new();
        while fates.len() < count {
            let (Some(id), fate) = self.next_fate(patience) else { break };
            fates.entry(id).or_insert(fate);
        }
        fates
    }

    /// The next stream that is answered or reset, or none and the end of the connection or of our patience.
    fn next_fate(&mut self, patience: Duration) -> (Option<u32>, Fate) {
        self.stream.set_read_timeout(Some(patience)).expect("a time limit above zero");
        loop {
            let mut head = [0; 9];
            if let Err(error) = self.stream.read_exact(&mut head) {
                let silent = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                return (None, if silent { Fate::Silent } else { Fate::Closed });
            }
            let [high, middle, low, kind, flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
            if self.stream.read_exact(&mut payload).is_err() {
                return (None, Fate::Closed);
            }
            let id = Some(u32::from_be_bytes(stream));
            match kind {
                HEADERS => {
                    let status = status(&payload);
                    let status = status.unwrap_or_else(|| panic!("no status in {}", payload.escape_ascii()));
                    return (id, Fate::Answered(status));
                }
                RST_STREAM => return (id, Fate::Reset),
                GOAWAY => return (None, Fate::Closed),
                SETTINGS if flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, b""),
                PING if flags & ACK == 0 => self.frame(PING, ACK, 0, &payload),
                _ => {}
            }
        }
    }

    fn frame(&mut self, kind: u8, flags: u8, id: u32, payload: &[u8]) {
        let [_, high, middle, low] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        let mut frame = vec![high, middle, low, kind, flags];
        frame.extend_from_slice(&id.to_be_bytes());
        frame.extend_from_slice(payload);
        self.write(&frame);
    }

    /// A server may have closed; that shows when its answer is looked for.
    fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }
}

/// A literal header field without indexing, its name new, neither compressed (RFC 7541 section 6.2.2).
fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        integer(text.len(), &mut field);
        field.extend_from_slice(text);
    }
    field
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn integer(number: usize, into: &mut Vec<u8>) {
    let low = |number: usize| u8::try_from(number % 128).unwrap_or(0);
    if number < 127 {
        return into.push(low(number));
    }
    into.push(127);
    let mut rest = number - 127;
    while rest >= 128 {
        into.push(0x80 | low(rest));
        rest /= 128;
    }
    into.push(low(rest));
}

/// The status at the head of a header block: an entry of the static table, or a literal value of one (RFC 7541 section 6
/// and appendix A).
fn status(mut block: &[u8]) -> Option<u16> {
    while let [0x20..=0x3F, rest @ ..] = block {
        block = rest; // the size of the dynamic table
    }
    let statuses = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [entry @ 0x88..=0x8E, ..] => statuses.get(usize::from(entry - 0x88)).copied(),
        [0x48..=0x4E | 0x08..=0x0E | 0x18..=0x1E, length, value @ ..] => {
            let value = value.get(..usize::from(length & 0x7F))?;
            let digits = if length & 0x80 == 0 { String::from_utf8_lossy(value).into_owned() } else { digits(value) };
            digits.parse().ok()
        }
        _ => None,
    }
}

/// Three digits in Huffman's code (RFC 7541 appendix B): five bits for 0, 1 and 2, six for the others.
fn digits(value: &[u8]) -> String {
    let mut bits = value.iter().flat_map(|byte| (0..8).rev().map(move |bit| u32::from(byte >> bit & 1)));
    let mut next = |count: usize| bits.by_ref().take(count).fold(0, |code, bit| code << 1 | bit);
    let digits = (0..3).map(|_| match next(5) {
        code @ 0..3 => code,
        code => (code << 1 | next(1)).wrapping_sub(0b01_0110),
    });
    digits.map(|digit| digit.to_string()).collect()
}

/// What a receiver takes that has not said otherwise (RFC 9113 section 6.5.2).
const MAX_FRAME: usize = 16_384;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
