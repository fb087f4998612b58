//! What processes cost, from `/proc`.

use std::{fs, time::Duration};

use anyhow::Context as _;

/// `USER_HZ`: Linux tells times of processes in hundredths of a second, on every architecture that we meet.
const TICK: Duration = Duration::from_millis(10);

/// A process by its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

/// A process's line in `/proc/<pid>/stat`.
struct Stat {
    parent: u32,
    own: Duration,
    /// Of those of its children that have ended.
    ended_children: Duration,
}

impl Process {
    pub(crate) fn this() -> Self {
        Self(std::process::id())
    }

    /// Processor time in user and kernel mode so far.
    pub(crate) fn time(self) -> anyhow::Result<Duration> {
        Ok(self.stat()?.own)
    }

    /// The same with all children, those that have ended and those that run.
    pub(crate) fn time_of_family(self) -> anyhow::Result<Duration> {
        let own = self.stat()?;
        let mut total = own.own + own.ended_children;
        for entry in fs::read_dir("/proc")? {
            let id = entry?.file_name().to_str().and_then(|name| name.parse().ok());
            // It may be gone by now.
            if let Some(Ok(stat)) = id.map(|id| Self(id).stat())
                && stat.parent == self.0
            {
                total += stat.own + stat.ended_children;
            }
        }
        Ok(total)
    }

    /// Resident memory now and at most, in MiB.
    pub(crate) fn memory(self) -> anyhow::Result<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let mebibytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
            kibibytes
                .map(|kibibytes| kibibytes.div_ceil(1024))
                .context("no memory in /proc")
        };
        Ok((mebibytes("VmRSS:")?, mebibytes("VmHWM:")?))
    }

    fn stat(self) -> anyhow::Result<Stat> {
        let line = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // The name, in parentheses, may hold anything.
        let rest = line.rsplit_once(") ").context("no name in /proc")?.1;
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |at: usize| {
            let field = fields.get(at).and_then(|field| field.parse::<u32>().ok());
            field.context("a field of /proc is missing")
        };
        Ok(Stat {
            parent: number(1)?,
            own: TICK * (number(11)? + number(12)?),
            ended_children: TICK * (number(13)? + number(14)?),
        })
    }
}

/// The machine's load averages, as the kernel tells them.
pub(crate) fn load_average() -> String {
    fs::read_to_string("/proc/loadavg")
        .unwrap_or_default()
        .split(' ')
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
}
