// SPDX-License-Identifier: BSD-3-Clause
//! A Gaussian in Rust as the model: by ask and tell, by callbacks, and the library's mixture beside it.
//!
//!     rustc -O affine.rs -L DIRECTORY_OF_THE_LIBRARY && ./affine GOLDEN LAYOUT
//!     ./affine begin|finish FILE      half a job each, as affine.c does
//!
//! Rust rounds after every multiplication and addition (f64::mul_add is the other thing, and has to be asked for).
#[allow(dead_code)] // a program does not need all of it
mod covsamp;
use covsamp::{Config, Mixture, Model, Real, Request, Sampler, Schedule};
use std::collections::HashMap;
use std::ops::{Add, Mul, Sub};
use std::panic::{catch_unwind, AssertUnwindSafe};

const DIM: usize = 4;
const MEAN: [f64; DIM] = [0.5, -1.0, 0.25, 2.0];
const VARIANCE: [f64; DIM] = [0.04, 0.3, 1.2, 2.5];
const U: [[f64; DIM]; DIM] = [[0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5], [0.5, 0.5, -0.5, -0.5], [0.5, -0.5, -0.5, 0.5]];

/// Counts as the tests' CHECK does.
#[derive(Default)]
struct Checks {
    passed: u32,
    failed: u32,
}
impl Checks {
    fn check(&mut self, ok: bool, what: &str) {
        *(if ok { &mut self.passed } else { &mut self.failed }) += 1;
        if !ok {
            eprintln!("failed: {}", what);
        }
    }
}

trait Number: Real + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    fn rounded(value: f64) -> Self;
    fn hex(self) -> String;
}
impl Number for f32 {
    fn rounded(value: f64) -> f32 { value as f32 }
    fn hex(self) -> String { format!("{:08x}", self.to_bits()) }
}
impl Number for f64 {
    fn rounded(value: f64) -> f64 { value }
    fn hex(self) -> String { format!("{:016x}", self.to_bits()) }
}

fn dot<T: Number>(u: &[f64; DIM], r: &[T; DIM]) -> T {
    (1..DIM).fold(T::rounded(u[0]) * r[0], |sum, i| sum + T::rounded(u[i]) * r[i])
}

/// U gain U r, gain = sigma / (alpha^2 VARIANCE + sigma^2).
fn rotate<T: Number>(alpha: f64, sigma: f64, r: [T; DIM]) -> [T; DIM] {
    let c = [0, 1, 2, 3].map(|k| T::rounded(sigma / (alpha * alpha * VARIANCE[k] + sigma * sigma)) * dot(&U[k], &r));
    U.map(|u| dot(&u, &c))
}

/// Cancels once at step 3 and panics once at step 5, where it is told to.
struct Affine {
    stop_at_three: bool,
    panic_at_five: bool,
}
impl Affine {
    fn fill<T: Number>(q: &mut Request) {
        let (alpha, sigma) = (q.raw.alpha, q.raw.sigma);
        for b in 0..q.batch() {
            if q.wants_mean() {
                let (x, mean) = (q.x::<T>(b), q.mean(b));
                mean.copy_from_slice(&rotate(alpha, sigma, [0, 1, 2, 3].map(|i| x[i] - T::rounded(alpha) * T::rounded(MEAN[i]))));
            }
            for k in 0..q.tangents() {
                let v = q.v::<T>(k, b);
                let r = [v[0], v[1], v[2], v[3]];
                q.product(k, b).copy_from_slice(&rotate(alpha, sigma, r));
            }
        }
    }
}
impl Model for Affine {
    fn answer(&mut self, q: &mut Request) -> i32 {
        if q.is_f64() { Self::fill::<f64>(q) } else { Self::fill::<f32>(q) }
        0
    }
    fn progress(&mut self, q: &Request) -> i32 {
        if q.raw.step == 5 && std::mem::take(&mut self.panic_at_five) {
            std::panic::panic_any("boom");
        }
        if q.raw.step == 3 && std::mem::take(&mut self.stop_at_three) { covsamp::CANCELLED } else { 0 }
    }
}

fn new_mixture() -> covsamp::Result<Mixture> {
    let (diagonal, rest) = ([[0.3, 0.2, 0.1, 0.4], [0.1, 0.4, 0.3, 0.2]], [0.05, 0.02]);
    let mut covariances = Vec::new();
    for k in 0..2 {
        for i in 0..DIM {
            covariances.extend((0..DIM).map(|j| if i == j { diagonal[k][i] } else { rest[k] }));
        }
    }
    Mixture::new(DIM, &[2.0, 1.0], &[-1.0, 0.0, 0.5, 1.0, 1.0, 1.0, 0.0, -1.0], &covariances)
}

fn new_sampler(dtype: &str) -> covsamp::Result<Sampler> {
    let schedule = Schedule::linear(1000, 1e-4, 0.02)?;
    let mut config = Config::new()?;
    for (name, value) in [("batch", "3"), ("dim", "4"), ("dtype", dtype), ("covariance", "krylov"), ("krylov_steps", "2"),
                          ("seed", "2024"), ("first_sample", "5")] {
        config.set(name, value)?;
    }
    config.set_schedule(&schedule, &schedule.spaced(20)?)?;
    Sampler::new(&config)
}

fn bits<T: Number>(sampler: &Sampler) -> covsamp::Result<String> {
    let mut words = Vec::new();
    for b in 0..3 {
        words.extend(sampler.state::<T>(b)?.iter().map(|value| value.hex()));
    }
    Ok(words.join(" "))
}

fn one_case<T: Number>(c: &mut Checks, name: &str, model: &mut dyn Model, golden: &HashMap<String, String>) -> covsamp::Result<()> {
    let mut sampler = new_sampler(&name[name.len() - 3..])?;
    while let Some(mut q) = sampler.ask()? {
        let answer = model.answer(&mut q);
        sampler.tell(answer)?;
    }
    c.check(golden.get(name) == Some(&bits::<T>(&sampler)?), &format!("{} by ask and tell", name));
    sampler.restart(2024, 5)?;
    sampler.canceller().cancel();
    c.check(matches!(sampler.run(model), Err(e) if e.status == covsamp::CANCELLED), "cancel() cancels");
    sampler.run(model)?;
    c.check(golden.get(name) == Some(&bits::<T>(&sampler)?), &format!("{} by callbacks", name));
    Ok(())
}

/// Cancelled by a callback, and stopped by a panic on the way: nothing is lost.
fn interrupted(c: &mut Checks, golden: &HashMap<String, String>) -> covsamp::Result<()> {
    let mut sampler = new_sampler("f64")?;
    let mut model = Affine { stop_at_three: true, panic_at_five: true };
    c.check(matches!(sampler.run(&mut model), Err(e) if e.status == covsamp::CANCELLED), "a callback cancels");
    std::panic::set_hook(Box::new(|_| ())); // the next one is meant
    let panic = catch_unwind(AssertUnwindSafe(|| sampler.run(&mut model)));
    let _ = std::panic::take_hook();
    c.check(matches!(panic, Err(p) if p.downcast_ref::<&str>() == Some(&"boom")), "a panic comes out as it was");
    sampler.run(&mut model)?;
    c.check(golden.get("affine_f64") == Some(&bits::<f64>(&sampler)?), "and the run goes on");
    c.check(sampler.stats()?.steps == 20, "20 steps");
    Ok(())
}

/// Every field of the structs that the module has lies where C has it, and none is missing.
fn layouts(c: &mut Checks, path: &str) -> std::io::Result<()> {
    let in_c = std::fs::read_to_string(path)?;
    let own = covsamp::layouts();
    for (structure, ..) in own.iter().filter(|line| line.1 == "size") {
        let here: Vec<String> = own.iter().filter(|line| line.0 == *structure)
            .map(|(s, field, offset, size)| format!("{} {} {} {}", s, field.trim_end_matches('_'), offset, size)).collect();
        let there: Vec<&str> = in_c.lines().filter(|line| line.split(' ').next() == Some(*structure)).collect();
        c.check(here == there, &here.join("\n"));
    }
    Ok(())
}

/// Half a job: written after ten steps, or read and finished, by whatever language.
fn half(what: &str, path: &str) -> Result<(), Box<dyn std::error::Error>> {
    let (mut sampler, mut model) = (new_sampler("f64")?, Affine { stop_at_three: false, panic_at_five: false });
    if what == "begin" {
        for _ in 0..10 {
            sampler.step(&mut model)?;
        }
        std::fs::write(path, sampler.save()?)?;
    } else {
        sampler.load(&std::fs::read(path)?)?;
        while sampler.step(&mut model)? {}
        println!("affine_f64 {}", bits::<f64>(&sampler)?);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path: Vec<String> = std::env::args().collect();
    if path[1] == "begin" || path[1] == "finish" {
        return half(&path[1], &path[2]);
    }
    let golden: HashMap<String, String> = std::fs::read_to_string(&path[1])?.lines().filter_map(|line| line.split_once(' '))
        .map(|(name, words)| (name.to_string(), words.to_string())).collect();
    let mut c = Checks::default();
    println!("libcovsamp {}", covsamp::version());
    for (name, help) in covsamp::options() {
        println!("{:<18} {}", name, help);
    }
    let mut affine = Affine { stop_at_three: false, panic_at_five: false };
    let mut mixture = new_mixture()?;
    one_case::<f64>(&mut c, "affine_f64", &mut affine, &golden)?;
    one_case::<f32>(&mut c, "affine_f32", &mut affine, &golden)?;
    one_case::<f64>(&mut c, "mixture_f64", &mut mixture, &golden)?;
    one_case::<f32>(&mut c, "mixture_f32", &mut mixture, &golden)?;
    interrupted(&mut c, &golden)?;
    match Config::new()?.set("krylov_steps", 0) {
        Err(e) => {
            c.check(e.status == covsamp::E_RANGE && e.message.contains("krylov_steps is 0"), &e.message);
            println!("{}", e);
        }
        Ok(()) => c.check(false, "krylov_steps = 0 was taken"),
    }
    layouts(&mut c, &path[2])?;
    println!("{} passed, {} failed", c.passed, c.failed);
    std::process::exit(i32::from(c.failed > 0))
}
