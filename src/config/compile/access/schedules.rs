//! Schedules: time zones, hours and windows read.

use std::rc::Rc;

use super::Table;
use crate::access::Schedule;
use crate::access::schedule::{Span, Weekly, Window, instant, minute};
use crate::config::Notice;
use crate::config::problems::{Problems, join};
use crate::config::settings::{DaySettings, ScheduleSettings, WeeklySettings, WindowSettings};
use crate::time::UnixTime;
use crate::time_zone::Zone;

pub(super) fn compile(
    settings: Vec<(String, ScheduleSettings)>,
    notices: &mut Vec<Notice>,
    problems: &mut Problems,
) -> Table<Schedule> {
    let mut table = Table::new("schedule");
    for (name, settings) in settings {
        let path = join("schedules", &name);
        let before = problems.len();
        let schedule = schedule(&path, settings, notices, problems);
        table.add(&path, name, schedule.filter(|_| problems.len() == before), problems);
    }
    table
}

fn schedule(
    path: &str,
    settings: ScheduleSettings,
    notices: &mut Vec<Notice>,
    problems: &mut Problems,
) -> Option<Schedule> {
    if settings.weekly.is_none() && settings.windows.is_none() {
        problems.add(path, "needs `weekly` or `windows`");
    }
    let at = join(path, "time_zone");
    let zone = match (&settings.time_zone, &settings.weekly) {
        (Some(name), Some(_)) => match Zone::named(name) {
            Ok(zone) => Some(Rc::new(zone)),
            Err(flaw) => {
                problems.add(at, flaw.to_string());
                None
            }
        },
        (None, Some(_)) => {
            problems.add(at, "is required with `weekly`: whose clocks, such as `Europe/Berlin`");
            None
        }
        (Some(_), None) => {
            problems.add(at, "does not go without `weekly`; each moment of a window has its own offset");
            None
        }
        (None, None) => None,
    };
    let spans = each(&join(path, "weekly"), settings.weekly, problems, weekly);
    let windows = each(&join(path, "windows"), settings.windows, problems, |path, settings, problems| {
        let window = window(path, &settings, problems)?;
        let over = |end| Notice { path: path.to_owned(), from: Some(end), until: None, text: "is over; take it out" };
        notices.extend(window.until.map(over));
        Some(window)
    });
    let weekly = match spans {
        Some(spans) => Some(Weekly { zone: zone?, spans }),
        None => None,
    };
    Some(Schedule { weekly, windows: windows.unwrap_or_default() })
}

/// Each item read; an empty list is a fault.
fn each<S, T>(
    path: &str,
    settings: Option<Vec<S>>,
    problems: &mut Problems,
    mut read: impl FnMut(&str, S, &mut Problems) -> Option<T>,
) -> Option<Vec<T>> {
    let settings = settings?;
    if settings.is_empty() {
        problems.add(path, "is empty, which is never; leave it out");
    }
    let items = settings.into_iter().enumerate();
    Some(items.filter_map(|(index, settings)| read(&format!("{path}[{index}]"), settings, problems)).collect())
}

fn weekly(path: &str, settings: WeeklySettings, problems: &mut Problems) -> Option<Span> {
    if settings.days.is_empty() {
        problems.add(join(path, "days"), "is empty; name a day, such as `mon`");
    }
    let mut days = 0;
    for (index, day) in settings.days.into_iter().enumerate() {
        let bit = bit(day);
        if days & bit != 0 {
            problems.add(format!("{path}.days[{index}]"), "is named twice");
        }
        days |= bit;
    }
    let mut time = |setting: &str, text: &str| {
        let minute = minute(text).filter(|minute| setting == "to" || *minute < END_OF_DAY);
        if minute.is_none() {
            let message = format!("`{text}` is not a time of day; expected `HH:MM`, such as `08:00`");
            problems.add(join(path, setting), message);
        }
        minute
    };
    let (from, to) = (time("from", &settings.from), time("to", &settings.to));
    let (from, to) = (from?, to?);
    if from == to {
        problems.add(path, "is over when it begins; write `00:00` to `24:00` for whole days");
    }
    Some(Span { days, from, to })
}

/// `24:00`.
const END_OF_DAY: u16 = 24 * 60;

fn bit(day: DaySettings) -> u8 {
    match day {
        DaySettings::Mon => 1,
        DaySettings::Tue => 1 << 1,
        DaySettings::Wed => 1 << 2,
        DaySettings::Thu => 1 << 3,
        DaySettings::Fri => 1 << 4,
        DaySettings::Sat => 1 << 5,
        DaySettings::Sun => 1 << 6,
    }
}

fn window(path: &str, settings: &WindowSettings, problems: &mut Problems) -> Option<Window> {
    if settings.from.is_none() && settings.until.is_none() {
        problems.add(path, "needs `from` or `until`");
    }
    let mut moment = |setting: &str, text: &Option<String>| -> Option<UnixTime> {
        match instant(text.as_deref()?) {
            Ok(moment) => Some(moment),
            Err(flaw) => {
                problems.add(join(path, setting), flaw.to_string());
                None
            }
        }
    };
    let (from, until) = (moment("from", &settings.from), moment("until", &settings.until));
    if from.zip(until).is_some_and(|(from, until)| until <= from) {
        problems.add(path, "is over before it begins");
    }
    Some(Window { from, until })
}
