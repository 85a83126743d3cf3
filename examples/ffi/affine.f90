! SPDX-License-Identifier: BSD-3-Clause
! A Gaussian in Fortran as the model: by ask and tell, by callbacks, and the library's mixture beside it.
!
!     gfortran -ffp-contract=off covsamp.f90 affine.f90 -lcovsamp && ./a.out GOLDEN
!     ./a.out begin|finish FILE      half a job each, as affine.c does
!
! Sums are in the order of the loops, which gfortran keeps (without -ffast-math), one rounding an operation.
module affine_model
  use covsamp
  implicit none
  integer, parameter :: n = 4
  real(c_double), parameter :: mean(n) = [0.5d0, -1d0, 0.25d0, 2d0], variance(n) = [0.04d0, 0.3d0, 1.2d0, 2.5d0]
  real(c_double), parameter :: u(n, n) = 0.5d0*reshape([1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, -1, -1, 1], [n, n])
  integer :: visits(0:31) = 0 ! of the progress callback, step by step

contains

  ! out = U gain U r, gain = sigma / (alpha^2 variance + sigma^2), r = x - alpha mean or a tangent.
  subroutine rotate_f64(q, x, shift, out)
    type(covsamp_request), intent(in) :: q
    real(c_double), intent(in) :: x(n)
    logical, intent(in) :: shift
    real(c_double), intent(out) :: out(n)
    real(c_double) :: r(n), c(n), total
    integer :: i, k
    r = x
    if (shift) r = x - q%alpha*mean
    do k = 1, n
      total = u(1, k)*r(1)
      do i = 2, n
        total = total + u(i, k)*r(i)
      end do
      c(k) = q%sigma/((q%alpha*q%alpha)*variance(k) + q%sigma*q%sigma)*total
    end do
    do k = 1, n
      total = u(1, k)*c(1)
      do i = 2, n
        total = total + u(i, k)*c(i)
      end do
      out(k) = total
    end do
  end subroutine

  subroutine rotate_f32(q, x, shift, out)
    type(covsamp_request), intent(in) :: q
    real(c_float), intent(in) :: x(n)
    logical, intent(in) :: shift
    real(c_float), intent(out) :: out(n)
    real(c_float) :: r(n), c(n), s(n, n), total
    integer :: i, k
    s = real(u, c_float)
    r = x
    if (shift) r = x - real(q%alpha, c_float)*real(mean, c_float)
    do k = 1, n
      total = s(1, k)*r(1)
      do i = 2, n
        total = total + s(i, k)*r(i)
      end do
      c(k) = real(q%sigma/((q%alpha*q%alpha)*variance(k) + q%sigma*q%sigma), c_float)*total
    end do
    do k = 1, n
      total = s(1, k)*c(1)
      do i = 2, n
        total = total + s(i, k)*c(i)
      end do
      out(k) = total
    end do
  end subroutine

  ! One batch: rows of `in`, stride apart, to those of `out`.
  subroutine batch(q, in, out, at, shift)
    type(covsamp_request), intent(in) :: q
    type(c_ptr), intent(in) :: in, out
    integer(c_int64_t), intent(in) :: at ! values from the start of the arrays
    logical, intent(in) :: shift
    real(c_double), pointer :: x64(:), y64(:)
    real(c_float), pointer :: x32(:), y32(:)
    integer(c_int64_t) :: b, first, length
    length = at + (q%batch - 1)*q%stride + q%dim
    if (q%dtype == COVSAMP_F64) then
      call c_f_pointer(in, x64, [length])
      call c_f_pointer(out, y64, [length])
    else
      call c_f_pointer(in, x32, [length])
      call c_f_pointer(out, y32, [length])
    end if
    do b = 0, q%batch - 1
      first = at + b*q%stride + 1
      if (q%dtype == COVSAMP_F64) then
        call rotate_f64(q, x64(first:first + n - 1), shift, y64(first:first + n - 1))
      else
        call rotate_f32(q, x32(first:first + n - 1), shift, y32(first:first + n - 1))
      end if
    end do
  end subroutine

  ! The model: fills what is asked for.
  function answer(user, request) bind(c) result(status)
    type(c_ptr), value :: user
    type(covsamp_request), intent(in) :: request
    integer(c_int32_t) :: status
    integer(c_int64_t) :: k
    status = COVSAMP_OK
    if (c_associated(user)) status = -1 ! none was given
    if (c_associated(request%mean)) call batch(request, request%x, request%mean, 0_c_int64_t, .true.)
    if (.not. c_associated(request%product)) return
    do k = 0, request%tangents - 1
      call batch(request, request%v, request%product, k*request%tangent_stride, .false.)
    end do
  end function

  ! Cancels once, at step 3.
  function progress(user, request) bind(c) result(status)
    type(c_ptr), value :: user
    type(covsamp_request), intent(in) :: request
    integer(c_int32_t) :: status
    status = COVSAMP_OK
    if (c_associated(user)) status = -1
    visits(request%step) = visits(request%step) + 1
    if (request%step == 3 .and. visits(3) == 1) status = COVSAMP_CANCELLED
  end function
end module

program affine
  use, intrinsic :: iso_fortran_env, only: error_unit
  use affine_model
  implicit none
  integer :: passed = 0, failed = 0
  character(1024) :: golden, path
  type(c_ptr) :: mixture
  call get_command_argument(1, golden)
  if (golden == "begin" .or. golden == "finish") then
    call get_command_argument(2, path)
    call half(golden == "begin", trim(path))
    stop
  end if
  call list_options()
  mixture = new_mixture()
  call one_case("affine_f64", c_null_ptr)
  call one_case("affine_f32", c_null_ptr)
  call one_case("mixture_f64", mixture)
  call one_case("mixture_f32", mixture)
  call covsamp_mixture_free(mixture)
  call bad_value()
  print '(i0, " passed, ", i0, " failed")', passed, failed
  if (failed > 0) stop 1

contains

  subroutine check(ok, what)
    logical, intent(in) :: ok
    character(*), intent(in) :: what
    if (ok) then
      passed = passed + 1
    else
      failed = failed + 1
      write (error_unit, '(2a)') "failed: ", what
    end if
  end subroutine

  subroutine list_options()
    type(covsamp_option), pointer :: option
    type(c_ptr) :: info
    integer(c_int32_t) :: i
    i = 0
    do
      info = covsamp_option_info(i)
      if (.not. c_associated(info)) exit
      call c_f_pointer(info, option)
      print '(3a)', covsamp_text(option%name), "  ", covsamp_text(option%help)
      i = i + 1
    end do
    call check(i > 40, "options are listed")
  end subroutine

  function new_mixture() result(made)
    type(c_ptr) :: made
    real(c_double) :: covariances(n, n, 2)
    real(c_double), parameter :: diagonal(n, 2) = reshape([0.3d0, 0.2d0, 0.1d0, 0.4d0, 0.1d0, 0.4d0, 0.3d0, 0.2d0], [n, 2])
    real(c_double), parameter :: rest(2) = [0.05d0, 0.02d0]
    real(c_double), parameter :: means(n, 2) = reshape([-1d0, 0d0, 0.5d0, 1d0, 1d0, 1d0, 0d0, -1d0], [n, 2])
    character(kind=c_char) :: message(COVSAMP_MESSAGE_BYTES)
    integer :: k, i
    do k = 1, 2
      covariances(:, :, k) = rest(k)
      do i = 1, n
        covariances(i, i, k) = diagonal(i, k)
      end do
    end do
    call check(covsamp_mixture_new(made, int(n, c_int64_t), 2_c_int64_t, [2d0, 1d0], means, covariances, &
                                   COVSAMP_PREDICTS_NOISE, c_null_ptr, message) == COVSAMP_OK, "covsamp_mixture_new")
  end function

  function new_sampler(dtype) result(sampler)
    character(*), intent(in) :: dtype
    character(12), parameter :: names(7) = [character(12) :: "batch", "dim", "covariance", "krylov_steps", "seed", &
                                            "first_sample", "dtype"]
    character(12) :: values(7)
    character(kind=c_char) :: message(COVSAMP_MESSAGE_BYTES)
    type(c_ptr) :: sampler, schedule, config
    integer(c_int64_t) :: levels(20)
    integer :: i
    values = [character(12) :: "3", "4", "krylov", "2", "2024", "5", dtype]
    call check(covsamp_schedule_new_linear(schedule, 1000_c_int64_t, 1d-4, 0.02d0, c_null_ptr, message) == COVSAMP_OK, &
               "covsamp_schedule_new_linear")
    call check(covsamp_schedule_spaced(schedule, 20_c_int64_t, COVSAMP_SPACING_EVEN, levels, message) == COVSAMP_OK, &
               "covsamp_schedule_spaced")
    call check(covsamp_config_new(config, c_null_ptr) == COVSAMP_OK, "covsamp_config_new")
    do i = 1, size(names)
      call check(covsamp_config_set_by_name(config, c_text(names(i)), c_text(values(i))) == COVSAMP_OK, names(i))
    end do
    call check(covsamp_config_set_schedule(config, schedule, levels, 20_c_int64_t) == COVSAMP_OK, &
               "covsamp_config_set_schedule")
    call check(covsamp_sampler_new(sampler, config) == COVSAMP_OK, covsamp_text(covsamp_config_message(config)))
    call covsamp_config_free(config)
    call covsamp_schedule_free(schedule)
  end function

  ! A name and the bits of every value.
  function line_of(sampler, name) result(line)
    type(c_ptr), intent(in) :: sampler
    character(*), intent(in) :: name
    character(400) :: line
    integer(c_int64_t), pointer :: wide(:, :)
    integer(c_int32_t), pointer :: narrow(:, :)
    type(c_ptr) :: x
    integer(c_int64_t) :: stride
    call check(covsamp_sampler_state(sampler, x, stride) == COVSAMP_OK, "covsamp_sampler_state")
    if (index(name, "f64") > 0) then
      call c_f_pointer(x, wide, [stride, 3_c_int64_t])
      write (line, '(a, 12(1x, z16.16))') name, wide(1:n, :)
    else
      call c_f_pointer(x, narrow, [stride, 3_c_int64_t])
      write (line, '(a, 12(1x, z8.8))') name, narrow(1:n, :)
    end if
    call lower(line)
  end function

  function golden_has(line) result(found)
    character(*), intent(in) :: line
    logical :: found
    character(400) :: stored
    integer :: unit, io
    open (newunit=unit, file=golden, action="read", status="old")
    found = .false.
    do
      read (unit, '(a)', iostat=io) stored
      if (io /= 0) exit
      found = found .or. stored == line
    end do
    close (unit)
  end function

  subroutine lower(text) ! of hexadecimal digits
    character(*), intent(inout) :: text
    integer :: i
    do i = 1, len(text)
      if (text(i:i) >= "A" .and. text(i:i) <= "F") text(i:i) = achar(iachar(text(i:i)) + 32)
    end do
  end subroutine

  ! mixture: null for the affine model.
  subroutine one_case(name, mixture)
    character(*), intent(in) :: name
    type(c_ptr), intent(in) :: mixture
    type(c_ptr) :: sampler, request
    type(covsamp_request), pointer :: q
    type(covsamp_stats) :: stats
    integer(c_int32_t) :: status, said
    sampler = new_sampler(name(len(name) - 2:))
    do
      status = covsamp_sampler_ask(sampler, request)
      if (status /= COVSAMP_OK) exit
      call c_f_pointer(request, q)
      if (c_associated(mixture)) then
        said = covsamp_mixture_answer(mixture, q)
      else
        said = answer(c_null_ptr, q)
      end if
      status = covsamp_sampler_tell(sampler, said)
      if (status /= COVSAMP_OK) exit
    end do
    call check(status == COVSAMP_DONE, covsamp_text(covsamp_sampler_message(sampler)))
    call check(golden_has(line_of(sampler, name)), name//" by ask and tell")
    call check(covsamp_sampler_restart(sampler, 2024_c_int64_t, 5_c_int64_t) == COVSAMP_OK, "covsamp_sampler_restart")
    call by_callbacks(sampler, mixture)
    call check(golden_has(line_of(sampler, name)), name//" by callbacks")
    stats%size = c_sizeof(stats)
    call check(covsamp_sampler_stats(sampler, stats) == COVSAMP_OK .and. stats%steps == 20, "20 steps")
    call covsamp_sampler_free(sampler)
  end subroutine

  ! Cancelled by a callback and by cancel() on the way: nothing is lost.
  subroutine by_callbacks(sampler, mixture)
    type(c_ptr), intent(in) :: sampler, mixture
    type(covsamp_model) :: model
    visits = 0
    model%size = c_sizeof(model)
    model%mean = c_funloc(answer)
    model%jvp = c_funloc(answer)
    if (c_associated(mixture)) call check(covsamp_mixture_model(mixture, model) == COVSAMP_OK, "covsamp_mixture_model")
    model%progress = c_funloc(progress)
    call check(covsamp_sampler_run(sampler, model) == COVSAMP_CANCELLED, "a callback cancels")
    call covsamp_sampler_cancel(sampler)
    call check(covsamp_sampler_run(sampler, model) == COVSAMP_CANCELLED, "cancel() cancels")
    call check(covsamp_sampler_run(sampler, model) == COVSAMP_DONE, "and the run goes on")
  end subroutine

  subroutine bad_value()
    type(c_ptr) :: config
    integer(c_int32_t) :: status
    call check(covsamp_config_new(config, c_null_ptr) == COVSAMP_OK, "covsamp_config_new")
    status = covsamp_config_set_by_name(config, c_text("krylov_steps"), c_text("0"))
    call check(status == COVSAMP_E_RANGE .and. index(covsamp_text(covsamp_config_message(config)), &
                                                     "krylov_steps is 0") > 0, "krylov_steps = 0 has a sentence")
    print '(a)', covsamp_text(covsamp_config_message(config))
    call covsamp_config_free(config)
  end subroutine

  ! Half a job: written after ten steps, or read and finished, by whatever language.
  subroutine half(begin, path)
    logical, intent(in) :: begin
    character(*), intent(in) :: path
    character(kind=c_char), allocatable, target :: bytes(:)
    type(c_ptr) :: sampler
    type(covsamp_model) :: model
    integer(c_int32_t) :: status
    integer(c_size_t) :: length, needed
    integer :: unit, step
    sampler = new_sampler("f64")
    model%size = c_sizeof(model)
    model%mean = c_funloc(answer)
    model%jvp = c_funloc(answer)
    open (newunit=unit, file=path, access="stream", form="unformatted", status=merge("replace", "old    ", begin))
    if (begin) then
      do step = 1, 10
        call check(covsamp_sampler_step(sampler, model) == COVSAMP_OK, "covsamp_sampler_step")
      end do
      status = covsamp_sampler_save(sampler, c_null_ptr, 0_c_size_t, length)
      allocate (bytes(length))
      status = covsamp_sampler_save(sampler, c_loc(bytes), length, needed)
      write (unit) bytes
    else
      inquire (unit, size=length)
      allocate (bytes(length))
      read (unit) bytes
      status = covsamp_sampler_load(sampler, c_loc(bytes), length)
    end if
    close (unit)
    call check(status == COVSAMP_OK, covsamp_text(covsamp_sampler_message(sampler)))
    if (.not. begin) then
      call check(covsamp_sampler_run(sampler, model) == COVSAMP_DONE, "covsamp_sampler_run")
      print '(a)', trim(line_of(sampler, "affine_f64"))
    end if
    call covsamp_sampler_free(sampler)
    if (failed > 0) stop 1
  end subroutine
end program
