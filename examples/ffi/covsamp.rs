// SPDX-License-Identifier: BSD-3-Clause
//! libcovsamp for Rust, std only: diffusion sampling with the full posterior covariance.
//!
//!     let mut sampler = Sampler::new(&config)?;
//!     while let Some(mut q) = sampler.ask()? {   // borrows the sampler: no slice of q outlives tell()
//!         network(&mut q);
//!         sampler.tell(0)?;
//!     }
//!
//! or sampler.run(&mut model) with a model that implements Model.  Handles free themselves; a panic in a callback waits
//! until the library has returned, and goes on then.  A Canceller may be used from any thread.
use std::any::Any;
use std::ffi::{c_void, CStr, CString};
use std::os::raw::c_char;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::{fmt, mem, ptr, slice};

pub const DONE: i32 = 1;
pub const CANCELLED: i32 = 2;
pub const E_RANGE: i32 = -2;
const F64: i32 = 2;
const MESSAGE_BYTES: usize = 512;

/// The C structs, as far as this module knows them (they grow at their end), and (struct, field, offset, size) of each field.
macro_rules! structs {
    ($($name:ident as $c:literal { $($field:ident: $type:ty),* $(,)? })*) => {
        $(#[repr(C)] #[derive(Clone, Copy)] pub struct $name { $(pub $field: $type),* }
        impl $name {
            /// Zero but for the size.
            pub fn new() -> Self {
                let mut s: Self = unsafe { mem::zeroed() }; // numbers, pointers and Option<fn> only
                s.size = mem::size_of::<Self>();
                s
            }
        })*
        pub fn layouts() -> Vec<(&'static str, &'static str, usize, usize)> {
            let mut found = Vec::new();
            $(let s = $name::new();
            found.push(($c, "size", 0, mem::size_of::<$name>()));
            $(found.push(($c, concat!(".", stringify!($field)), ptr::addr_of!(s.$field) as usize - ptr::addr_of!(s) as usize,
                mem::size_of::<$type>()));)*)*
            found
        }
    };
}
type Text = *const c_char;
type Pointer = *mut c_void;
type Answer = Option<unsafe extern "C" fn(Pointer, *const RawRequest) -> i32>;
structs! {
    RawOption as "covsamp_option" {
        size: usize, key: i32, type_: i32, name: Text, help: Text, int_low: i64, int_high: i64, int_default: i64,
        real_low: f64, real_high: f64, real_default: f64,
    }
    Stats as "covsamp_stats" {
        size: usize, steps: i64, mean_requests: i64, jvp_requests: i64, jvp_tangents: i64, products_used: i64,
        products_paid: i64, ritz_values: i64, ritz_clamped: i64, breakdowns: i64, breakdowns_asymmetric: i64,
        steps_without: i64, asymmetry: f64, error_estimate: f64, vjp_requests: i64, vjp_tangents: i64, guide_requests: i64,
    }
    RawRequest as "covsamp_request" {
        size: usize, kind: i32, dtype: i32, batch: i64, dim: i64, stride: i64, tangents: i64, tangent_stride: i64, step: i64,
        steps: i64, level: i64, first_sample: i64, seed: u64, owner: u64, point: u64, time: f64, alpha: f64, sigma: f64,
        stream: i32, branch: i32, x: Pointer, v: Pointer, mean: Pointer, product: Pointer, noise: Pointer, head: Pointer,
        transposed: Pointer, gradient: Pointer, other_mean: Pointer, other_product: Pointer, other_transposed: Pointer,
        other_head: Pointer, ops: Pointer, products_follow: i32, reserved: i32,
    }
    RawModel as "covsamp_model" {
        size: usize, model_user: Pointer, mean: Answer, jvp: Answer, mean_jvp: Answer, noise_user: Pointer, noise: Answer,
        progress_user: Pointer, progress: Answer, vjp: Answer, guide_user: Pointer, guide: Answer,
    }
}

#[link(name = "covsamp")]
extern "C" {
    fn covsamp_status_text(status: i32) -> Text;
    fn covsamp_version_string() -> Text;
    fn covsamp_option_info(index: i32) -> *const RawOption;
    fn covsamp_schedule_new_linear(out: *mut Pointer, levels: i64, first: f64, last: f64, mem: Pointer, message: *mut c_char) -> i32;
    fn covsamp_schedule_spaced(schedule: Pointer, count: i64, spacing: i32, levels: *mut i64, message: *mut c_char) -> i32;
    fn covsamp_schedule_free(schedule: Pointer);
    fn covsamp_config_new(out: *mut Pointer, mem: Pointer) -> i32;
    fn covsamp_config_set_by_name(config: Pointer, name: Text, text: Text) -> i32;
    fn covsamp_config_get_int(config: Pointer, key: i32, value: *mut i64) -> i32;
    fn covsamp_config_set_schedule(config: Pointer, schedule: Pointer, levels: *const i64, count: i64) -> i32;
    fn covsamp_config_message(config: Pointer) -> Text;
    fn covsamp_config_free(config: Pointer);
    fn covsamp_sampler_new(out: *mut Pointer, config: Pointer) -> i32;
    fn covsamp_sampler_restart(sampler: Pointer, seed: u64, first_sample: i64) -> i32;
    fn covsamp_sampler_state(sampler: Pointer, x: *mut Pointer, stride: *mut i64) -> i32;
    fn covsamp_sampler_stats(sampler: Pointer, stats: *mut Stats) -> i32;
    fn covsamp_sampler_ask(sampler: Pointer, request: *mut *const RawRequest) -> i32;
    fn covsamp_sampler_tell(sampler: Pointer, answer: i32) -> i32;
    fn covsamp_sampler_run(sampler: Pointer, model: *const RawModel) -> i32;
    fn covsamp_sampler_step(sampler: Pointer, model: *const RawModel) -> i32;
    fn covsamp_sampler_save(sampler: Pointer, buffer: *mut u8, capacity: usize, needed: *mut usize) -> i32;
    fn covsamp_sampler_load(sampler: Pointer, data: *const u8, bytes: usize) -> i32;
    fn covsamp_sampler_cancel(sampler: Pointer);
    fn covsamp_sampler_message(sampler: Pointer) -> Text;
    fn covsamp_sampler_free(sampler: Pointer);
    fn covsamp_mixture_new(out: *mut Pointer, dim: i64, components: i64, weights: *const f64, means: *const f64,
                           covariances: *const f64, prediction: i32, mem: Pointer, message: *mut c_char) -> i32;
    fn covsamp_mixture_answer(mixture: Pointer, request: *const RawRequest) -> i32;
    fn covsamp_mixture_free(mixture: Pointer);
}

fn text(pointer: Text) -> String {
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// A status below 0 and the library's sentence; or CANCELLED, after which asking or running again goes on.
#[derive(Debug)]
pub struct Error {
    pub status: i32,
    pub message: String,
}
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
impl std::error::Error for Error {}
pub type Result<T> = std::result::Result<T, Error>;

fn check(status: i32, message: Text) -> Result<i32> {
    if status >= 0 && status != CANCELLED {
        return Ok(status);
    }
    let own = text(message);
    Err(Error { status, message: if own.is_empty() { text(unsafe { covsamp_status_text(status) }) } else { own } })
}

/// What a function makes that has a message buffer as its last argument.
fn made(make: impl FnOnce(*mut Pointer, *mut c_char) -> i32) -> Result<Pointer> {
    let mut out = ptr::null_mut();
    let mut message = [0 as c_char; MESSAGE_BYTES];
    check(make(&mut out, message.as_mut_ptr()), message.as_ptr())?;
    Ok(out)
}

pub fn version() -> String {
    text(unsafe { covsamp_version_string() })
}

/// Name and help of every option.
pub fn options() -> Vec<(String, String)> {
    (0..).map(|i| unsafe { covsamp_option_info(i).as_ref() }).take_while(Option::is_some).flatten()
        .map(|o| (text(o.name), text(o.help))).collect()
}

/// Declares a handle that frees itself, and may move to another thread.
macro_rules! handle {
    ($name:ident, $free:ident) => {
        pub struct $name(Pointer);
        unsafe impl Send for $name {}
        impl Drop for $name {
            fn drop(&mut self) {
                unsafe { $free(self.0) }
            }
        }
    };
}
handle!(Schedule, covsamp_schedule_free);
handle!(Config, covsamp_config_free);
handle!(Mixture, covsamp_mixture_free);
handle!(SamplerHandle, covsamp_sampler_free);
unsafe impl Sync for SamplerHandle {} // shared with a Canceller only

impl Schedule {
    pub fn linear(levels: i64, first: f64, last: f64) -> Result<Self> {
        made(|out, message| unsafe { covsamp_schedule_new_linear(out, levels, first, last, ptr::null_mut(), message) }).map(Self)
    }
    /// The levels, noisiest first, that a run of so many evenly spaced steps visits.
    pub fn spaced(&self, count: usize) -> Result<Vec<i64>> {
        let mut levels = vec![0; count];
        made(|_, message| unsafe { covsamp_schedule_spaced(self.0, count as i64, 1, levels.as_mut_ptr(), message) })?;
        Ok(levels)
    }
}

impl Config {
    pub fn new() -> Result<Self> {
        made(|out, _| unsafe { covsamp_config_new(out, ptr::null_mut()) }).map(Self)
    }
    pub fn set(&mut self, name: &str, value: impl ToString) -> Result<()> {
        let (name, value) = (CString::new(name).unwrap_or_default(), CString::new(value.to_string()).unwrap_or_default());
        check(unsafe { covsamp_config_set_by_name(self.0, name.as_ptr(), value.as_ptr()) },
              unsafe { covsamp_config_message(self.0) }).map(drop)
    }
    fn int(&self, key: i32) -> Result<i64> {
        let mut value = 0;
        check(unsafe { covsamp_config_get_int(self.0, key, &mut value) }, unsafe { covsamp_config_message(self.0) })?;
        Ok(value)
    }
    pub fn set_schedule(&mut self, schedule: &Schedule, levels: &[i64]) -> Result<()> {
        check(unsafe { covsamp_config_set_schedule(self.0, schedule.0, levels.as_ptr(), levels.len() as i64) },
              unsafe { covsamp_config_message(self.0) }).map(drop)
    }
}

impl Mixture {
    /// weights [k], means [k * dim], covariances [k * dim * dim]; predicts the noise.
    pub fn new(dim: usize, weights: &[f64], means: &[f64], covariances: &[f64]) -> Result<Self> {
        assert!(means.len() == weights.len() * dim && covariances.len() == means.len() * dim);
        made(|out, message| unsafe {
            covsamp_mixture_new(out, dim as i64, weights.len() as i64, weights.as_ptr(), means.as_ptr(), covariances.as_ptr(), 1,
                                ptr::null_mut(), message)
        }).map(Self)
    }
}

/// f32 or f64.
pub trait Real: Copy {
    const DTYPE: i32;
}
impl Real for f32 { const DTYPE: i32 = 1; }
impl Real for f64 { const DTYPE: i32 = F64; }

/// What is to be computed; `raw` has the numbers.
pub struct Request<'a> {
    pub raw: &'a RawRequest,
}
impl<'a> Request<'a> {
    pub fn is_f64(&self) -> bool { self.raw.dtype == F64 }
    pub fn batch(&self) -> usize { self.raw.batch as usize }
    /// Tangents whose products are asked for: 0 where there are none.
    pub fn tangents(&self) -> usize { if self.raw.product.is_null() { 0 } else { self.raw.tangents as usize } }
    pub fn wants_mean(&self) -> bool { !self.raw.mean.is_null() }

    fn at<T: Real>(&self, p: Pointer, k: usize, b: usize) -> *mut T {
        let r = self.raw;
        assert!(!p.is_null() && T::DTYPE == r.dtype && b < r.batch as usize && (k == 0 || k < r.tangents as usize));
        unsafe { (p as *mut T).add(k * r.tangent_stride as usize + b * r.stride as usize) }
    }
    pub fn x<T: Real>(&self, b: usize) -> &'a [T] {
        unsafe { slice::from_raw_parts(self.at(self.raw.x, 0, b), self.raw.dim as usize) }
    }
    pub fn v<T: Real>(&self, k: usize, b: usize) -> &'a [T] {
        unsafe { slice::from_raw_parts(self.at(self.raw.v, k, b), self.raw.dim as usize) }
    }
}
/// What is to be filled for sample b (and tangent k): a panic where the request does not ask for it.
macro_rules! answers {
    ($($name:ident)*; $($many:ident)*) => {
        impl<'a> Request<'a> {
            $(pub fn $name<T: Real>(&mut self, b: usize) -> &mut [T] {
                unsafe { slice::from_raw_parts_mut(self.at(self.raw.$name, 0, b), self.raw.dim as usize) }
            })*
            $(pub fn $many<T: Real>(&mut self, k: usize, b: usize) -> &mut [T] {
                unsafe { slice::from_raw_parts_mut(self.at(self.raw.$many, k, b), self.raw.dim as usize) }
            })*
        }
    };
}
answers!(mean noise head gradient other_mean other_head; product transposed other_product other_transposed);

/// Fills what a request asks for, of every kind.  0, CANCELLED or a negative number.
pub trait Model {
    fn answer(&mut self, request: &mut Request) -> i32;
    /// After every step.
    fn progress(&mut self, _request: &Request) -> i32 { 0 }
}
impl Model for Mixture {
    fn answer(&mut self, request: &mut Request) -> i32 {
        unsafe { covsamp_mixture_answer(self.0, request.raw) }
    }
}

struct Guarded<'a> {
    model: &'a mut dyn Model,
    panic: Option<Box<dyn Any + Send>>,
}
fn guarded(user: Pointer, call: impl FnOnce(&mut dyn Model) -> i32) -> i32 {
    let guarded = unsafe { &mut *(user as *mut Guarded) };
    let model = &mut *guarded.model;
    catch_unwind(AssertUnwindSafe(|| call(model))).unwrap_or_else(|panic| {
        guarded.panic = Some(panic);
        -1
    })
}
unsafe extern "C" fn answer(user: Pointer, request: *const RawRequest) -> i32 {
    guarded(user, |model| model.answer(&mut Request { raw: &*request }))
}
unsafe extern "C" fn progress(user: Pointer, request: *const RawRequest) -> i32 {
    guarded(user, |model| model.progress(&Request { raw: &*request }))
}

/// Stops a run from any thread.
#[derive(Clone)]
pub struct Canceller(Arc<SamplerHandle>);
impl Canceller {
    pub fn cancel(&self) {
        unsafe { covsamp_sampler_cancel(self.0 .0) }
    }
}

pub struct Sampler {
    handle: Arc<SamplerHandle>,
    batch: usize,
    dim: usize,
    dtype: i32,
}
impl Sampler {
    pub fn new(config: &Config) -> Result<Self> {
        let mut out = ptr::null_mut();
        check(unsafe { covsamp_sampler_new(&mut out, config.0) }, unsafe { covsamp_config_message(config.0) })?;
        let handle = Arc::new(SamplerHandle(out));
        let (batch, dim, dtype) = (config.int(1)? as usize, config.int(2)? as usize, config.int(3)? as i32);
        Ok(Self { handle, batch, dim, dtype })
    }
    fn check(&self, status: i32) -> Result<i32> {
        check(status, unsafe { covsamp_sampler_message(self.handle.0) })
    }
    pub fn canceller(&self) -> Canceller {
        Canceller(self.handle.clone())
    }
    /// The open request; None when the run is done.
    pub fn ask(&mut self) -> Result<Option<Request<'_>>> {
        let mut request = ptr::null();
        let status = unsafe { covsamp_sampler_ask(self.handle.0, &mut request) };
        self.check(status)?;
        Ok(unsafe { request.as_ref() }.map(|raw| Request { raw }))
    }
    pub fn tell(&mut self, answer: i32) -> Result<()> {
        let status = unsafe { covsamp_sampler_tell(self.handle.0, answer) };
        self.check(status).map(drop)
    }
    fn drive(&mut self, call: unsafe extern "C" fn(Pointer, *const RawModel) -> i32, model: &mut dyn Model) -> Result<i32> {
        let mut user = Guarded { model, panic: None };
        let mut raw = RawModel::new();
        raw.model_user = &mut user as *mut Guarded as Pointer;
        raw.noise_user = raw.model_user;
        raw.guide_user = raw.model_user;
        raw.progress_user = raw.model_user;
        raw.mean = Some(answer);
        for role in [&mut raw.jvp, &mut raw.mean_jvp, &mut raw.vjp, &mut raw.noise, &mut raw.guide] {
            *role = raw.mean;
        }
        raw.progress = Some(progress);
        let status = unsafe { call(self.handle.0, &raw) };
        if let Some(panic) = user.panic {
            resume_unwind(panic);
        }
        self.check(status)
    }
    /// To the end, by callbacks.  After a cancel, an error or a panic of the model, running again goes on.
    pub fn run(&mut self, model: &mut dyn Model) -> Result<()> {
        self.drive(covsamp_sampler_run, model).map(drop)
    }
    /// To the end of the present step; false after the last one.
    pub fn step(&mut self, model: &mut dyn Model) -> Result<bool> {
        self.drive(covsamp_sampler_step, model).map(|status| status != DONE)
    }
    /// All of a half-done run, between steps, as bytes that any language, process or machine may load.
    pub fn save(&mut self) -> Result<Vec<u8>> {
        let mut needed = 0;
        let status = unsafe { covsamp_sampler_save(self.handle.0, ptr::null_mut(), 0, &mut needed) };
        self.check(status)?;
        let mut data = vec![0; needed];
        let status = unsafe { covsamp_sampler_save(self.handle.0, data.as_mut_ptr(), needed, &mut needed) };
        self.check(status)?;
        Ok(data)
    }
    /// Goes on from them, on a sampler of the same configuration; an error changes nothing.
    pub fn load(&mut self, data: &[u8]) -> Result<()> {
        let status = unsafe { covsamp_sampler_load(self.handle.0, data.as_ptr(), data.len()) };
        self.check(status).map(drop)
    }
    pub fn restart(&mut self, seed: u64, first_sample: i64) -> Result<()> {
        let status = unsafe { covsamp_sampler_restart(self.handle.0, seed, first_sample) };
        self.check(status).map(drop)
    }
    pub fn stats(&self) -> Result<Stats> {
        let mut stats = Stats::new();
        self.check(unsafe { covsamp_sampler_stats(self.handle.0, &mut stats) })?;
        Ok(stats)
    }
    /// The values of sample b as the batch stands.
    pub fn state<T: Real>(&self, b: usize) -> Result<&[T]> {
        assert!(T::DTYPE == self.dtype && b < self.batch);
        let (mut x, mut stride) = (ptr::null_mut(), 0);
        self.check(unsafe { covsamp_sampler_state(self.handle.0, &mut x, &mut stride) })?;
        Ok(unsafe { slice::from_raw_parts((x as *const T).add(b * stride as usize), self.dim) })
    }
}
