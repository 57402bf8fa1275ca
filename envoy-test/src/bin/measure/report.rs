//! The figures, for people and for programs.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Plan;
use crate::contender::Contender;
use crate::contenders::BASE;

pub(crate) struct Report {
    rows: Vec<Row>,
    rounds: usize,
    requests: usize,
}

struct Row {
    name: &'static str,
    cpu: Duration,
    rate: f64,
    /// To the base in the same round: first quartile, median, third quartile.
    ratio: [f64; 3],
}

impl Report {
    pub(crate) fn of(contenders: &[Contender], plan: &Plan) -> Self {
        let base = contenders.iter().find(|contender| contender.name == BASE).expect("the base takes part");
        let rows = contenders.iter().map(|contender| {
            let ratios = contender.rounds.iter().zip(&base.rounds);
            let ratios = ratios.map(|(ours, base)| ours.cpu.as_secs_f64() / base.cpu.as_secs_f64());
            let [_, cpu, _] = quartiles(contender.rounds.iter().map(|round| round.cpu.as_secs_f64()).collect());
            let [_, rate, _] = quartiles(contender.rounds.iter().map(|round| round.rate).collect());
            Row { name: contender.name, cpu: Duration::from_secs_f64(cpu), rate, ratio: quartiles(ratios.collect()) }
        });
        Self { rows: rows.collect(), rounds: plan.rounds, requests: plan.requests }
    }

    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "name": row.name,
                "cpu_ns_per_request": row.cpu.as_nanos(),
                "requests_per_second": row.rate.round(),
                "cpu_ratio": { "first_quartile": row.ratio[0], "median": row.ratio[1], "third_quartile": row.ratio[2] }
            })
        });
        json!({
            "base": BASE,
            "rounds": self.rounds,
            "requests_per_round": self.requests,
            "envoy": envoy_test::ENVOY_VERSION,
            "contenders": rows.collect::<Vec<_>>()
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:44} {:>12} {:>10} {:>24}",
            "CPU of Envoy per request", "microseconds", "req/s", "ratio (quartiles)"
        )?;
        for Row { name, cpu, rate, ratio: [first, median, third] } in &self.rows {
            let micros = cpu.as_secs_f64() * 1e6;
            writeln!(f, "{name:44} {micros:>12.1} {rate:>10.0} {median:>10.2} ({first:.2} - {third:.2})")?;
        }
        let (rounds, requests) = (self.rounds, self.requests);
        writeln!(f, "medians of {rounds} rounds of {requests} requests; ratios to `{BASE}` in the same round")
    }
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [values.len() / 4, values.len() / 2, values.len() * 3 / 4].map(|index| values[index.min(values.len() - 1)])
}
