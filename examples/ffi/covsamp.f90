! SPDX-License-Identifier: BSD-3-Clause
! libcovsamp for Fortran, by iso_c_binding: diffusion sampling with the full posterior covariance.
!
!     status = covsamp_sampler_ask(sampler, request)        ! request: a c_ptr to a covsamp_request
!     call c_f_pointer(request, q)                          ! Fortran's view of it
!     call c_f_pointer(q%x, x, [q%stride, q%batch])         ! x(i, b), without a copy; valid until tell
!
! Functions and structs are C's, one for one; covsamp_text makes a Fortran string of a C one, c_text the other way round.
! A callback is a bind(c) function of the interface covsamp_answer, given by c_funloc.
module covsamp
  use, intrinsic :: iso_c_binding
  implicit none
  public

  integer(c_int32_t), parameter :: COVSAMP_OK = 0, COVSAMP_DONE = 1, COVSAMP_CANCELLED = 2, COVSAMP_E_RANGE = -2
  integer(c_int32_t), parameter :: COVSAMP_F32 = 1, COVSAMP_F64 = 2
  integer(c_int32_t), parameter :: COVSAMP_SPACING_EVEN = 1, COVSAMP_PREDICTS_NOISE = 1
  integer, parameter :: COVSAMP_MESSAGE_BYTES = 512

  ! As far as this module knows them: they grow at their end.
  type, bind(c) :: covsamp_option
    integer(c_size_t) :: size
    integer(c_int32_t) :: key, type
    type(c_ptr) :: name, help
    integer(c_int64_t) :: int_low, int_high, int_default
    real(c_double) :: real_low, real_high, real_default
  end type

  type, bind(c) :: covsamp_stats
    integer(c_size_t) :: size
    integer(c_int64_t) :: steps, mean_requests, jvp_requests, jvp_tangents, products_used, products_paid, ritz_values, &
      ritz_clamped, breakdowns, breakdowns_asymmetric, steps_without
    real(c_double) :: asymmetry, error_estimate
    integer(c_int64_t) :: vjp_requests, vjp_tangents, guide_requests
  end type

  type, bind(c) :: covsamp_request
    integer(c_size_t) :: size
    integer(c_int32_t) :: kind, dtype
    integer(c_int64_t) :: batch, dim, stride, tangents, tangent_stride, step, steps, level, first_sample
    integer(c_int64_t) :: seed, owner, point ! of C's uint64_t the bits
    real(c_double) :: time, alpha, sigma
    integer(c_int32_t) :: stream, branch
    type(c_ptr) :: x, v, mean, product, noise, head, transposed, gradient, other_mean, other_product, other_transposed, &
      other_head, ops
    integer(c_int32_t) :: products_follow, reserved
  end type

  type, bind(c) :: covsamp_model
    integer(c_size_t) :: size
    type(c_ptr) :: model_user = c_null_ptr
    type(c_funptr) :: mean = c_null_funptr, jvp = c_null_funptr, mean_jvp = c_null_funptr
    type(c_ptr) :: noise_user = c_null_ptr
    type(c_funptr) :: noise = c_null_funptr
    type(c_ptr) :: progress_user = c_null_ptr
    type(c_funptr) :: progress = c_null_funptr, vjp = c_null_funptr
    type(c_ptr) :: guide_user = c_null_ptr
    type(c_funptr) :: guide = c_null_funptr
  end type

  abstract interface
    function covsamp_answer(user, request) bind(c) result(answer)
      import
      type(c_ptr), value :: user
      type(covsamp_request), intent(in) :: request
      integer(c_int32_t) :: answer
    end function
  end interface

  interface
    function covsamp_schedule_new_linear(out, levels, first, last, mem, message) bind(c) result(status)
      import
      type(c_ptr), intent(out) :: out
      integer(c_int64_t), value :: levels
      real(c_double), value :: first, last
      type(c_ptr), value :: mem
      character(kind=c_char), intent(out) :: message(*)
      integer(c_int32_t) :: status
    end function

    function covsamp_schedule_spaced(schedule, count, spacing, levels, message) bind(c) result(status)
      import
      type(c_ptr), value :: schedule
      integer(c_int64_t), value :: count
      integer(c_int32_t), value :: spacing
      integer(c_int64_t), intent(out) :: levels(*)
      character(kind=c_char), intent(out) :: message(*)
      integer(c_int32_t) :: status
    end function

    subroutine covsamp_schedule_free(schedule) bind(c)
      import
      type(c_ptr), value :: schedule
    end subroutine

    function covsamp_option_info(index) bind(c) result(option)
      import
      integer(c_int32_t), value :: index
      type(c_ptr) :: option
    end function

    function covsamp_config_new(out, mem) bind(c) result(status)
      import
      type(c_ptr), intent(out) :: out
      type(c_ptr), value :: mem
      integer(c_int32_t) :: status
    end function

    function covsamp_config_set_by_name(config, name, text) bind(c) result(status)
      import
      type(c_ptr), value :: config
      character(kind=c_char), intent(in) :: name(*), text(*)
      integer(c_int32_t) :: status
    end function

    function covsamp_config_set_schedule(config, schedule, levels, count) bind(c) result(status)
      import
      type(c_ptr), value :: config, schedule
      integer(c_int64_t), intent(in) :: levels(*)
      integer(c_int64_t), value :: count
      integer(c_int32_t) :: status
    end function

    function covsamp_config_message(config) bind(c) result(text)
      import
      type(c_ptr), value :: config
      type(c_ptr) :: text
    end function

    subroutine covsamp_config_free(config) bind(c)
      import
      type(c_ptr), value :: config
    end subroutine

    function covsamp_sampler_new(out, config) bind(c) result(status)
      import
      type(c_ptr), intent(out) :: out
      type(c_ptr), value :: config
      integer(c_int32_t) :: status
    end function

    function covsamp_sampler_restart(sampler, seed, first_sample) bind(c) result(status)
      import
      type(c_ptr), value :: sampler
      integer(c_int64_t), value :: seed, first_sample
      integer(c_int32_t) :: status
    end function

    function covsamp_sampler_state(sampler, x, stride) bind(c) result(status)
      import
      type(c_ptr), value :: sampler
      type(c_ptr), intent(out) :: x
      integer(c_int64_t), intent(out) :: stride
      integer(c_int32_t) :: status
    end function

    function covsamp_sampler_stats(sampler, stats) bind(c) result(status)
      import
      type(c_ptr), value :: sampler
      type(covsamp_stats), intent(inout) :: stats
      integer(c_int32_t) :: status
    end function

    function covsamp_sampler_ask(sampler, request) bind(c) result(status)
      import
      type(c_ptr), value :: sampler
      type(c_ptr), intent(out) :: request
      integer(c_int32_t) :: status
    end function

    function covsamp_sampler_tell(sampler, answer) bind(c) result(status)
      import
      type(c_ptr), value :: sampler
      integer(c_int32_t), value :: answer
      integer(c_int32_t) :: status
    end function

    function covsamp_sampler_run(sampler, model) bind(c) result(status)
      import
      type(c_ptr), value :: sampler
      type(covsamp_model), intent(in) :: model
      integer(c_int32_t) :: status
    end function

    function covsamp_sampler_step(sampler, model) bind(c) result(status)
      import
      type(c_ptr), value :: sampler
      type(covsamp_model), intent(in) :: model
      integer(c_int32_t) :: status
    end function

    function covsamp_sampler_save(sampler, buffer, capacity, needed) bind(c) result(status)
      import
      type(c_ptr), value :: sampler, buffer ! c_loc of bytes, or null with capacity 0
      integer(c_size_t), value :: capacity
      integer(c_size_t), intent(out) :: needed
      integer(c_int32_t) :: status
    end function

    function covsamp_sampler_load(sampler, data, bytes) bind(c) result(status)
      import
      type(c_ptr), value :: sampler, data
      integer(c_size_t), value :: bytes
      integer(c_int32_t) :: status
    end function

    subroutine covsamp_sampler_cancel(sampler) bind(c)
      import
      type(c_ptr), value :: sampler
    end subroutine

    function covsamp_sampler_message(sampler) bind(c) result(text)
      import
      type(c_ptr), value :: sampler
      type(c_ptr) :: text
    end function

    subroutine covsamp_sampler_free(sampler) bind(c)
      import
      type(c_ptr), value :: sampler
    end subroutine

    function covsamp_mixture_new(out, dim, components, weights, means, covariances, prediction, mem, message) &
      bind(c) result(status)
      import
      type(c_ptr), intent(out) :: out
      integer(c_int64_t), value :: dim, components
      real(c_double), intent(in) :: weights(*), means(*), covariances(*)
      integer(c_int32_t), value :: prediction
      type(c_ptr), value :: mem
      character(kind=c_char), intent(out) :: message(*)
      integer(c_int32_t) :: status
    end function

    function covsamp_mixture_answer(mixture, request) bind(c) result(answer)
      import
      type(c_ptr), value :: mixture
      type(covsamp_request), intent(in) :: request
      integer(c_int32_t) :: answer
    end function

    function covsamp_mixture_model(mixture, model) bind(c) result(status)
      import
      type(c_ptr), value :: mixture
      type(covsamp_model), intent(inout) :: model
      integer(c_int32_t) :: status
    end function

    subroutine covsamp_mixture_free(mixture) bind(c)
      import
      type(c_ptr), value :: mixture
    end subroutine
  end interface

contains

  ! A C string as a Fortran string.
  function covsamp_text(pointer) result(text)
    type(c_ptr), intent(in) :: pointer
    character(:), allocatable :: text
    character(kind=c_char), pointer :: bytes(:)
    integer :: n, i
    call c_f_pointer(pointer, bytes, [huge(0)]) ! its end is found by its zero
    n = 0
    do while (bytes(n + 1) /= c_null_char)
      n = n + 1
    end do
    allocate (character(n) :: text)
    do i = 1, n
      text(i:i) = bytes(i)
    end do
  end function

  ! A Fortran string as a C string.
  function c_text(text) result(bytes)
    character(*), intent(in) :: text
    character(kind=c_char) :: bytes(len_trim(text) + 1)
    integer :: i
    do i = 1, len_trim(text)
      bytes(i) = text(i:i)
    end do
    bytes(len_trim(text) + 1) = c_null_char
  end function
end module
