//! Files from the web: resumed where they were cut off, checked before they have their name.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Client, Response, StatusCode, Url};

use crate::monitor::Monitor;

/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(20);
/// How often it is asked whether to stop.
const ASK: Duration = Duration::from_millis(200);
/// Tries in a row that bring nothing, before it is given up.
const TRIES: u32 = 4;
/// Redirects that are followed.
const REDIRECTS: usize = 10;

/// What is to be had, and how it is known to be that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is.
    pub url: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// Why a file was not fetched. What came of it is kept beside the target as `NAME.part`, unless it is wrong.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is none.
    #[error("'{url}' is no address of a file: {reason}")]
    Address {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// This machine can make no connections at all.
    #[error(
        "no connection can be made here: {0}; the system's CA certificates are needed (Debian: ca-certificates)"
    )]
    Client(String),
    /// No connection, one that broke again and again, or a server that is too busy.
    #[error("{url}: {reason}{}", kept(*had, *bytes))]
    Connection {
        /// The address.
        url: String,
        /// What the system says.
        reason: String,
        /// Bytes that came.
        had: u64,
        /// Bytes of the whole.
        bytes: u64,
    },
    /// The server will not give it.
    #[error("{url}: the server answered {status}{hint}")]
    Refused {
        /// The address.
        url: String,
        /// Its answer.
        status: StatusCode,
        /// What that means, where it is known.
        hint: &'static str,
    },
    /// What is there is something else.
    #[error("{url}: not the file that is wanted: {reason}")]
    Other {
        /// The address, after redirects.
        url: String,
        /// How that is known.
        reason: String,
    },
    /// The file system.
    #[error("{path}: {reason}")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says, and the mend.
        reason: String,
    },
    /// Another program fetches the same file.
    #[error("{path}: another director fetches this file now; wait for it")]
    Busy {
        /// The part that it writes.
        path: PathBuf,
    },
    /// Stopped on request.
    #[error("interrupted; what came so far is kept, and the same command goes on from there")]
    Interrupted,
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Host that it came from in the end; `None` where it was there already.
    pub host: Option<String>,
    /// Bytes of it that an earlier try had left.
    pub resumed: u64,
}

/// What is left of a try, for an error.
fn kept(had: u64, bytes: u64) -> String {
    match had {
        0 => String::new(),
        had => {
            format!("; {had} of {bytes} bytes are kept, and the same command goes on from there")
        }
    }
}

impl FetchError {
    fn disk(path: &Path, error: &std::io::Error) -> Self {
        let mend = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                "; free some space, and the same command goes on"
            }
            std::io::ErrorKind::PermissionDenied => "; name a folder that may be read and written",
            _ => "",
        };
        Self::Disk {
            path: path.to_owned(),
            reason: format!("{error}{mend}"),
        }
    }
}

/// Fetches a file to `target`, whose folder is made. It has that name only once all of it is there and its digest is right. Blocks, so not from
/// inside a tokio runtime; where the process has no TLS provider yet, ring's becomes that.
///
/// # Errors
/// [`FetchError`].
pub fn fetch(wanted: &Wanted, target: &Path, monitor: &dyn Monitor) -> Result<Fetched, FetchError> {
    let here = Fetched {
        host: None,
        resumed: 0,
    };
    if matches(wanted, target)? {
        return Ok(here);
    }
    let address = |reason: String| FetchError::Address {
        url: wanted.url.clone(),
        reason,
    };
    let url = Url::parse(&wanted.url).map_err(|e| address(e.to_string()))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(address(format!("{} is not fetched from", url.scheme())));
    }
    let folder = crate::files::folder_of(target);
    std::fs::create_dir_all(folder).map_err(|e| FetchError::disk(folder, &e))?;
    let mut part = Part::open(target, wanted)?;
    // Whoever held the part may have ended it meanwhile.
    if matches(wanted, target)? {
        part.drop_file()?;
        return Ok(here);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| FetchError::Client(e.to_string()))?;
    loop {
        let resumed = part.had;
        let filled = runtime.block_on(part.filled(&url, wanted, monitor));
        let host = filled.inspect_err(|_| {
            if part.had == 0 {
                // Nothing came: nothing is left.
                let _ = part.drop_file();
            }
        })?;
        let sum = part.sum()?;
        if sum == wanted.sha256 {
            part.named(target)?;
            return Ok(Fetched { host, resumed });
        }
        if resumed == 0 {
            part.drop_file()?;
            return Err(FetchError::Other {
                url: shown(&url),
                reason: format!(
                    "its sha256 is {sum} where {} is due; it was dropped",
                    wanted.sha256
                ),
            });
        }
        // What an earlier try left may be what is wrong.
        part.cut()?;
    }
}

/// An address as people may see it: what is secret in it lies in the user and in the query.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}

/// Whether a file is there and is what is wanted.
///
/// # Errors
/// It is there and cannot be read.
pub fn matches(wanted: &Wanted, file: &Path) -> Result<bool, FetchError> {
    if std::fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return Ok(false);
    }
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(FetchError::disk(file, &error)),
    };
    let disk = |e: std::io::Error| FetchError::disk(file, &e);
    if opened.metadata().map_err(disk)?.len() != wanted.bytes {
        return Ok(false);
    }
    Ok(crate::hash::sha256_of(opened).map_err(disk)? == wanted.sha256)
}

/// The file as far as it came.
struct Part {
    path: PathBuf,
    file: File,
    had: u64,
    /// The server gives parts of files, as far as is known.
    ranges: bool,
}

impl Part {
    fn open(target: &Path, wanted: &Wanted) -> Result<Self, FetchError> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let path = target.with_file_name(name);
        for taken in [target, &path] {
            let what = std::fs::symlink_metadata(taken);
            if what.is_ok_and(|what| !what.is_file()) {
                return Err(FetchError::Disk {
                    path: taken.to_owned(),
                    reason: "no plain file; move it out of the way".to_owned(),
                });
            }
        }
        let disk = |e: std::io::Error| FetchError::disk(&path, &e);
        let file = loop {
            let file = File::options()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&path)
                .map_err(disk)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) => {
                    return Err(FetchError::Busy { path });
                }
                // A file system without locks: two at once would be told by the digest.
                Err(std::fs::TryLockError::Error(_)) => break file,
            }
            // Between both whoever held it may have given it its name, or dropped it.
            let there = std::fs::metadata(&path);
            if there.is_ok_and(|there| same(&file, &there)) {
                break file;
            }
        };
        let had = file.metadata().map_err(disk)?.len();
        let mut part = Self {
            path,
            file,
            had,
            ranges: true,
        };
        if had > wanted.bytes {
            part.cut()?;
        }
        Ok(part)
    }

    /// From the beginning.
    fn cut(&mut self) -> Result<(), FetchError> {
        self.had = 0;
        let cut = self.file.set_len(0);
        cut.map_err(|e| FetchError::disk(&self.path, &e))
    }

    fn drop_file(&self) -> Result<(), FetchError> {
        std::fs::remove_file(&self.path).map_err(|e| FetchError::disk(&self.path, &e))
    }

    /// Fetches what is missing; answers the host that it came from.
    async fn filled(
        &mut self,
        url: &Url,
        wanted: &Wanted,
        monitor: &dyn Monitor,
    ) -> Result<Option<String>, FetchError> {
        // Whoever was first has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let secure = url.scheme() == "https";
        let client = Client::builder()
            .user_agent(concat!("sora-director/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            // No redirect leads from https to http. To other hosts they may: what came is known by its digest.
            .https_only(secure)
            .redirect(reqwest::redirect::Policy::limited(REDIRECTS))
            .build()
            .map_err(|error| FetchError::Client(innermost(&error)))?;
        let mut host = None;
        let (mut tries, mut most) = (0, self.had);
        while self.had < wanted.bytes {
            let problem = match self.more(&client, url, wanted, monitor).await {
                Ok(from) => {
                    host = from;
                    "the connection ended early".to_owned()
                }
                Err(Trouble::Passing(reason)) => reason,
                Err(Trouble::Lasting(error)) => return Err(error),
            };
            // Whatever brought more than ever may bring the rest.
            tries = if self.had > most { 0 } else { tries + 1 };
            most = most.max(self.had);
            if self.had < wanted.bytes && tries >= TRIES {
                return Err(FetchError::Connection {
                    url: shown(url),
                    reason: problem,
                    had: self.had,
                    bytes: wanted.bytes,
                });
            }
            if self.had < wanted.bytes {
                pause(tries, monitor).await?;
            }
        }
        Ok(host)
    }

    /// One request for what is missing.
    async fn more(
        &mut self,
        client: &Client,
        url: &Url,
        wanted: &Wanted,
        monitor: &dyn Monitor,
    ) -> Result<Option<String>, Trouble> {
        let mut request = client.get(url.clone());
        if self.had > 0 && self.ranges {
            request = request.header(RANGE, format!("bytes={}-", self.had));
        }
        let answer = asked(request.send(), monitor).await?;
        let mut response = answer.map_err(|e| match e.is_redirect() || e.is_builder() {
            true => Trouble::Lasting(FetchError::Other {
                url: shown(url),
                reason: innermost(&e),
            }),
            false => Trouble::Passing(innermost(&e)),
        })?;
        self.begun(&response, wanted)?;
        let host = response.url().host_str().map(str::to_owned);
        let sized = response.content_length().is_some();
        let seek = self.file.seek(SeekFrom::Start(self.had));
        seek.map_err(|e| FetchError::disk(&self.path, &e))?;
        loop {
            let chunk = asked(response.chunk(), monitor)
                .await?
                .map_err(|e| Trouble::Passing(innermost(&e)))?;
            let Some(chunk) = chunk else {
                // It ended by itself: no break of the line.
                return match sized {
                    false if self.had < wanted.bytes => {
                        let reason = format!(
                            "it ends after {} bytes where {} are due",
                            self.had, wanted.bytes
                        );
                        self.cut()?;
                        Err(other(&response, reason))
                    }
                    _ => Ok(host),
                };
            };
            if self.had + chunk.len() as u64 > wanted.bytes {
                self.cut()?;
                return Err(other(&response, "it is longer".to_owned()));
            }
            let written = self.file.write_all(&chunk);
            written.map_err(|e| FetchError::disk(&self.path, &e))?;
            self.had += chunk.len() as u64;
            monitor.progress(self.had, wanted.bytes);
            if self.had == wanted.bytes {
                return Ok(host);
            }
        }
    }

    /// Looks at how an answer begins: it goes on where the part ends, or starts anew.
    fn begun(&mut self, response: &Response, wanted: &Wanted) -> Result<(), Trouble> {
        let status = response.status();
        let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT];
        if status.is_server_error() || busy.contains(&status) {
            return Err(Trouble::Passing(format!("the server answered {status}")));
        }
        let header = |name| response.headers().get(name).and_then(|v| v.to_str().ok());
        if status == StatusCode::RANGE_NOT_SATISFIABLE && self.ranges {
            self.ranges = false;
            return Err(Trouble::Passing(format!("the server answered {status}")));
        }
        if !status.is_success() {
            return Err(Trouble::Lasting(FetchError::Refused {
                url: shown(response.url()),
                status,
                hint: match status {
                    StatusCode::NOT_FOUND | StatusCode::GONE => ": it is not there any more",
                    StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                        ": it wants an account, or a proxy is in the way"
                    }
                    _ => "",
                },
            }));
        }
        let kind = header(CONTENT_TYPE).unwrap_or_default();
        if kind.to_ascii_lowercase().starts_with("text/html") {
            let reason = "it is a page of text, as of a login or a proxy".to_owned();
            return Err(other(response, reason));
        }
        // None was asked for, and what is packed has other bytes.
        if let Some(packed) = header(CONTENT_ENCODING).filter(|e| *e != "identity") {
            return Err(other(response, format!("it comes packed ({packed})")));
        }
        let from = format!("bytes {}-", self.had);
        let partial = status == StatusCode::PARTIAL_CONTENT;
        let goes_on =
            partial && header(CONTENT_RANGE).is_some_and(|range| range.starts_with(&from));
        if partial && !goes_on {
            self.ranges = false;
            return Err(Trouble::Passing("it answered another part".to_owned()));
        }
        // Of a part the whole's length stands behind the slash; the part itself may be any.
        let length = match goes_on {
            true => header(CONTENT_RANGE).and_then(|r| r.rsplit('/').next()?.parse().ok()),
            false => response.content_length(),
        };
        if let Some(length) = length.filter(|length| *length != wanted.bytes) {
            let reason = format!("it has {length} bytes where {} are due", wanted.bytes);
            return Err(other(response, reason));
        }
        if !goes_on && self.had > 0 {
            self.cut()?;
        }
        Ok(())
    }

    fn sum(&mut self) -> Result<String, FetchError> {
        let disk = |e: std::io::Error| FetchError::disk(&self.path, &e);
        self.file.seek(SeekFrom::Start(0)).map_err(disk)?;
        crate::hash::sha256_of(&self.file).map_err(disk)
    }

    /// Gives it its name.
    fn named(self, target: &Path) -> Result<(), FetchError> {
        let disk = |e: std::io::Error| FetchError::disk(target, &e);
        self.file.sync_all().map_err(disk)?;
        std::fs::rename(&self.path, target).map_err(disk)?;
        crate::files::sync_folder(crate::files::folder_of(target)).map_err(disk)
    }
}

/// Whether an open file is the one of that name still.
#[cfg(unix)]
fn same(file: &File, there: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own = file.metadata();
    own.is_ok_and(|own| (own.dev(), own.ino()) == (there.dev(), there.ino()))
}

/// An open file cannot be renamed or removed here.
#[cfg(not(unix))]
fn same(_: &File, _: &std::fs::Metadata) -> bool {
    true
}

/// Why one request did not bring all.
enum Trouble {
    /// Another try may help.
    Passing(String),
    /// None will.
    Lasting(FetchError),
}

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        Self::Lasting(error)
    }
}

fn other(response: &Response, reason: String) -> Trouble {
    Trouble::Lasting(FetchError::Other {
        url: shown(response.url()),
        reason,
    })
}

/// Waits for it, and asks meanwhile whether to stop.
async fn asked<T>(work: impl Future<Output = T>, monitor: &dyn Monitor) -> Result<T, FetchError> {
    let mut work = std::pin::pin!(work);
    loop {
        if monitor.stopped() {
            return Err(FetchError::Interrupted);
        }
        if let Ok(done) = tokio::time::timeout(ASK, &mut work).await {
            return Ok(done);
        }
    }
}

/// A quarter of a second, and twice as long with each try that brought nothing.
async fn pause(tries: u32, monitor: &dyn Monitor) -> Result<(), FetchError> {
    let wait = Duration::from_millis(250) * 2u32.pow(tries);
    asked(tokio::time::sleep(wait), monitor).await
}

/// What an error comes from in the end: reqwest's own words are "error sending request".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
