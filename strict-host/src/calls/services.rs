//! Time, timer, log, shared data, metrics, properties, the context in effect, and functions beyond the ABI.

use std::time::Duration;

use wasmtime::{Caller, Linker, Result};

use super::{Call, Stop, answer, wrong};
use crate::abi::status;
use crate::state::{Metric, Vm};

pub(super) fn define(linker: &mut Linker<Vm>) -> Result<()> {
    linker.func_wrap("env", "proxy_log", |caller: Caller<'_, Vm>, level: u32, line: u32, size: u32| {
        answer("proxy_log", caller, |call| {
            let line = call.text(line, size, "the line")?;
            if level > CRITICAL {
                return wrong(&format!("level {level}"));
            }
            if line.is_empty() || line.chars().any(char::is_control) {
                return wrong(&format!("{line:?} is not one line"));
            }
            call.agree()?;
            call.vm().log.push((level, line));
            Ok(())
        })
    })?;
    linker.func_wrap("env", "proxy_get_current_time_nanoseconds", |caller: Caller<'_, Vm>, time: u32| {
        answer("proxy_get_current_time_nanoseconds", caller, |call| {
            call.room(time, 8, "the place for the time")?;
            call.agree()?;
            let nanos = call.vm().world.now().as_nanos();
            call.write(time, &u64::try_from(nanos).unwrap_or(u64::MAX).to_le_bytes())
        })
    })?;
    linker.func_wrap("env", "proxy_set_tick_period_milliseconds", |caller: Caller<'_, Vm>, period: u32| {
        answer("proxy_set_tick_period_milliseconds", caller, |call| {
            if !(1..=DAY_MS).contains(&period) {
                return wrong(&format!("a period of {period} ms"));
            }
            call.in_callback()?;
            let now = call.vm().world.now();
            call.root()?;
            call.agree()?;
            let period = Duration::from_millis(period.into());
            let root = call.root()?;
            root.tick_period = Some(period);
            root.next_tick = now + period;
            Ok(())
        })
    })?;
    linker.func_wrap("env", "proxy_set_effective_context", |caller: Caller<'_, Vm>, context: u32| {
        answer("proxy_set_effective_context", caller, |call| {
            call.in_callback()?;
            if !call.vm().contexts.contains_key(&context) {
                return wrong(&format!("there is no context {context}"));
            }
            call.agree()?;
            call.vm().effective = context;
            Ok(())
        })
    })?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |caller: Caller<'_, Vm>, path: u32, path_size: u32, value: u32, value_size: u32| {
            answer("proxy_set_property", caller, |call| {
                let path = call.text(path, path_size, "the path")?;
                let value = call.bytes(value, value_size, "the value")?;
                if path.is_empty() || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return wrong(&format!("no access log can name the path {path:?}"));
                }
                call.stream()?;
                call.agree()?;
                call.stream()?.properties.insert(path, value);
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |caller: Caller<'_, Vm>, path: u32, path_size: u32, data: u32, size: u32| {
            answer("proxy_get_property", caller, |call| {
                // Parts of the path are told apart by NUL.
                let path = call.text(path, path_size, "the path")?.replace('\0', ".");
                for place in [data, size] {
                    call.room(place, 4, "the place for a result")?;
                }
                call.agree()?;
                let found = call.stream()?.connection.get(&path).cloned();
                let Some(value) = found else { return Err(Stop::Status(status::NOT_FOUND)) };
                call.give(&value, data, size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |caller: Caller<'_, Vm>, key: u32, key_size: u32, data: u32, size: u32, version: u32| {
            answer("proxy_get_shared_data", caller, |call| {
                let key = call.shared_key(key, key_size)?;
                for place in [data, size, version] {
                    call.room(place, 4, "the place for a result")?;
                }
                call.agree()?;
                let found = call.vm().world.0.borrow().data.get(&key).cloned();
                let Some((value, number)) = found else { return Err(Stop::Status(status::NOT_FOUND)) };
                call.give(&value, data, size)?;
                call.write(version, &number.to_le_bytes())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |caller: Caller<'_, Vm>, key: u32, key_size: u32, value: u32, value_size: u32, version: u32| {
            answer("proxy_set_shared_data", caller, |call| {
                let key = call.shared_key(key, key_size)?;
                let value = call.bytes(value, value_size, "the value")?;
                call.agree()?;
                let mut shared = call.vm().world.0.borrow_mut();
                let compares_with_nothing = shared.compares_with_nothing;
                let current = shared.data.get(&key).map(|(_, version)| *version);
                let fits = match current {
                    Some(current) => version == 0 || version == current,
                    None => version == 0 || !compares_with_nothing,
                };
                if !fits {
                    return Err(Stop::Status(status::CAS_MISMATCH));
                }
                shared.data.insert(key, (value, current.unwrap_or(0) + 1));
                Ok(())
            })
        },
    )?;
    define_metrics(linker)?;
    linker.func_wrap(
        "env",
        "proxy_call_foreign_function",
        |caller: Caller<'_, Vm>,
         name: u32,
         name_size: u32,
         arguments: u32,
         arguments_size: u32,
         data: u32,
         size: u32| {
            answer("proxy_call_foreign_function", caller, |call| {
                let name = call.text(name, name_size, "the name")?;
                let arguments = call.bytes(arguments, arguments_size, "the arguments")?;
                call.room(data, 4, "the place for the address")?;
                call.room(size, 4, "the place for the size")?;
                call.agree()?;
                let Some(function) = call.vm().foreign.get_mut(&name) else {
                    return Err(Stop::Status(status::NOT_FOUND));
                };
                let bytes = function(&arguments).map_err(Stop::Status)?;
                call.give(&bytes, data, size)
            })
        },
    )?;
    Ok(())
}

fn define_metrics(linker: &mut Linker<Vm>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |caller: Caller<'_, Vm>, kind: u32, name: u32, name_size: u32, id: u32| {
            answer("proxy_define_metric", caller, |call| {
                let name = call.text(name, name_size, "the name")?;
                call.room(id, 4, "the place for the id")?;
                if kind > HISTOGRAM {
                    return wrong(&format!("metric type {kind}"));
                }
                if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return wrong(&format!("{name:?} is no name of a metric"));
                }
                if call.own_root()?.metrics.contains(&name) {
                    return wrong(&format!("`{name}` is defined already, and each definition takes memory for ever"));
                }
                call.agree()?;
                call.own_root()?.metrics.insert(name.clone());
                let number = {
                    let mut shared = call.vm().world.0.borrow_mut();
                    shared.metrics.push(Metric { kind, name, value: 0 });
                    u32::try_from(shared.metrics.len()).unwrap_or(u32::MAX)
                };
                call.write(id, &number.to_le_bytes())
            })
        },
    )?;
    linker.func_wrap("env", "proxy_increment_metric", |caller: Caller<'_, Vm>, id: u32, by: i64| {
        answer("proxy_increment_metric", caller, |call| {
            let (kind, value) = call.metric(id)?;
            match kind {
                COUNTER if by < 0 => return wrong("a counter can't be counted down"),
                COUNTER | GAUGE => {}
                _ => return wrong("a histogram can't be incremented"),
            }
            let Some(value) = value.checked_add(by).filter(|value| *value >= 0) else {
                return wrong(&format!("metric {id} would be below zero: {value} and {by}"));
            };
            call.agree()?;
            call.set_metric(id, value)
        })
    })?;
    linker.func_wrap("env", "proxy_record_metric", |caller: Caller<'_, Vm>, id: u32, value: u64| {
        answer("proxy_record_metric", caller, |call| {
            if call.metric(id)?.0 == COUNTER {
                return wrong("a counter can't be set");
            }
            let Ok(value) = i64::try_from(value) else { return wrong("the value is out of range") };
            call.agree()?;
            call.set_metric(id, value)
        })
    })?;
    Ok(())
}

impl Call<'_> {
    fn shared_key(&mut self, key: u32, size: u32) -> Result<Vec<u8>, Stop> {
        let key = self.bytes(key, size, "the key")?;
        if key.is_empty() { wrong("an empty key") } else { Ok(key) }
    }

    /// Kind and value of a metric.
    fn metric(&mut self, id: u32) -> Result<(u32, i64), Stop> {
        let shared = self.vm().world.0.borrow();
        let metric = super::index(id).checked_sub(1).and_then(|index| shared.metrics.get(index));
        metric.map_or_else(|| wrong(&format!("no metric {id} is defined")), |metric| Ok((metric.kind, metric.value)))
    }

    fn set_metric(&mut self, id: u32, value: i64) -> Result<(), Stop> {
        let mut shared = self.vm().world.0.borrow_mut();
        if let Some(metric) = super::index(id).checked_sub(1).and_then(|index| shared.metrics.get_mut(index)) {
            metric.value = value;
        }
        Ok(())
    }
}

const CRITICAL: u32 = 5;
const COUNTER: u32 = 0;
const GAUGE: u32 = 1;
const HISTOGRAM: u32 = 2;
const DAY_MS: u32 = 86_400_000;
