! SPDX-License-Identifier: BSD-3-Clause
! The structs of covsamp.f90 as tests/abi/layout.c prints C's: a line for the size of each and one for each field.
program layouts
  use covsamp
  implicit none
  type(covsamp_option), target :: option
  type(covsamp_model), target :: model
  type(covsamp_stats), target :: stats
  type(covsamp_request), target :: request
  character(20) :: struct
  integer(c_intptr_t) :: start
  call begin("covsamp_option", c_loc(option), c_sizeof(option))
  call field("size", c_loc(option%size), c_sizeof(option%size))
  call field("key", c_loc(option%key), c_sizeof(option%key))
  call field("type", c_loc(option%type), c_sizeof(option%type))
  call field("name", c_loc(option%name), c_sizeof(option%name))
  call field("help", c_loc(option%help), c_sizeof(option%help))
  call field("int_low", c_loc(option%int_low), c_sizeof(option%int_low))
  call field("int_high", c_loc(option%int_high), c_sizeof(option%int_high))
  call field("int_default", c_loc(option%int_default), c_sizeof(option%int_default))
  call field("real_low", c_loc(option%real_low), c_sizeof(option%real_low))
  call field("real_high", c_loc(option%real_high), c_sizeof(option%real_high))
  call field("real_default", c_loc(option%real_default), c_sizeof(option%real_default))
  call begin("covsamp_model", c_loc(model), c_sizeof(model))
  call field("size", c_loc(model%size), c_sizeof(model%size))
  call field("model_user", c_loc(model%model_user), c_sizeof(model%model_user))
  call field("mean", c_loc(model%mean), c_sizeof(model%mean))
  call field("jvp", c_loc(model%jvp), c_sizeof(model%jvp))
  call field("mean_jvp", c_loc(model%mean_jvp), c_sizeof(model%mean_jvp))
  call field("noise_user", c_loc(model%noise_user), c_sizeof(model%noise_user))
  call field("noise", c_loc(model%noise), c_sizeof(model%noise))
  call field("progress_user", c_loc(model%progress_user), c_sizeof(model%progress_user))
  call field("progress", c_loc(model%progress), c_sizeof(model%progress))
  call field("vjp", c_loc(model%vjp), c_sizeof(model%vjp))
  call field("guide_user", c_loc(model%guide_user), c_sizeof(model%guide_user))
  call field("guide", c_loc(model%guide), c_sizeof(model%guide))
  call begin("covsamp_stats", c_loc(stats), c_sizeof(stats))
  call field("size", c_loc(stats%size), c_sizeof(stats%size))
  call field("steps", c_loc(stats%steps), c_sizeof(stats%steps))
  call field("mean_requests", c_loc(stats%mean_requests), c_sizeof(stats%mean_requests))
  call field("jvp_requests", c_loc(stats%jvp_requests), c_sizeof(stats%jvp_requests))
  call field("jvp_tangents", c_loc(stats%jvp_tangents), c_sizeof(stats%jvp_tangents))
  call field("products_used", c_loc(stats%products_used), c_sizeof(stats%products_used))
  call field("products_paid", c_loc(stats%products_paid), c_sizeof(stats%products_paid))
  call field("ritz_values", c_loc(stats%ritz_values), c_sizeof(stats%ritz_values))
  call field("ritz_clamped", c_loc(stats%ritz_clamped), c_sizeof(stats%ritz_clamped))
  call field("breakdowns", c_loc(stats%breakdowns), c_sizeof(stats%breakdowns))
  call field("breakdowns_asymmetric", c_loc(stats%breakdowns_asymmetric), c_sizeof(stats%breakdowns_asymmetric))
  call field("steps_without", c_loc(stats%steps_without), c_sizeof(stats%steps_without))
  call field("asymmetry", c_loc(stats%asymmetry), c_sizeof(stats%asymmetry))
  call field("error_estimate", c_loc(stats%error_estimate), c_sizeof(stats%error_estimate))
  call field("vjp_requests", c_loc(stats%vjp_requests), c_sizeof(stats%vjp_requests))
  call field("vjp_tangents", c_loc(stats%vjp_tangents), c_sizeof(stats%vjp_tangents))
  call field("guide_requests", c_loc(stats%guide_requests), c_sizeof(stats%guide_requests))
  call begin("covsamp_request", c_loc(request), c_sizeof(request))
  call field("size", c_loc(request%size), c_sizeof(request%size))
  call field("kind", c_loc(request%kind), c_sizeof(request%kind))
  call field("dtype", c_loc(request%dtype), c_sizeof(request%dtype))
  call field("batch", c_loc(request%batch), c_sizeof(request%batch))
  call field("dim", c_loc(request%dim), c_sizeof(request%dim))
  call field("stride", c_loc(request%stride), c_sizeof(request%stride))
  call field("tangents", c_loc(request%tangents), c_sizeof(request%tangents))
  call field("tangent_stride", c_loc(request%tangent_stride), c_sizeof(request%tangent_stride))
  call field("step", c_loc(request%step), c_sizeof(request%step))
  call field("steps", c_loc(request%steps), c_sizeof(request%steps))
  call field("level", c_loc(request%level), c_sizeof(request%level))
  call field("first_sample", c_loc(request%first_sample), c_sizeof(request%first_sample))
  call field("seed", c_loc(request%seed), c_sizeof(request%seed))
  call field("owner", c_loc(request%owner), c_sizeof(request%owner))
  call field("point", c_loc(request%point), c_sizeof(request%point))
  call field("time", c_loc(request%time), c_sizeof(request%time))
  call field("alpha", c_loc(request%alpha), c_sizeof(request%alpha))
  call field("sigma", c_loc(request%sigma), c_sizeof(request%sigma))
  call field("stream", c_loc(request%stream), c_sizeof(request%stream))
  call field("branch", c_loc(request%branch), c_sizeof(request%branch))
  call field("x", c_loc(request%x), c_sizeof(request%x))
  call field("v", c_loc(request%v), c_sizeof(request%v))
  call field("mean", c_loc(request%mean), c_sizeof(request%mean))
  call field("product", c_loc(request%product), c_sizeof(request%product))
  call field("noise", c_loc(request%noise), c_sizeof(request%noise))
  call field("head", c_loc(request%head), c_sizeof(request%head))
  call field("transposed", c_loc(request%transposed), c_sizeof(request%transposed))
  call field("gradient", c_loc(request%gradient), c_sizeof(request%gradient))
  call field("other_mean", c_loc(request%other_mean), c_sizeof(request%other_mean))
  call field("other_product", c_loc(request%other_product), c_sizeof(request%other_product))
  call field("other_transposed", c_loc(request%other_transposed), c_sizeof(request%other_transposed))
  call field("other_head", c_loc(request%other_head), c_sizeof(request%other_head))
  call field("ops", c_loc(request%ops), c_sizeof(request%ops))
  call field("products_follow", c_loc(request%products_follow), c_sizeof(request%products_follow))
  call field("reserved", c_loc(request%reserved), c_sizeof(request%reserved))

contains

  subroutine begin(name, address, size)
    character(*), intent(in) :: name
    type(c_ptr), intent(in) :: address
    integer(c_size_t), intent(in) :: size
    struct = name
    start = transfer(address, start)
    print '(2a, i0)', name, " size 0 ", size
  end subroutine

  subroutine field(name, address, size)
    character(*), intent(in) :: name
    type(c_ptr), intent(in) :: address
    integer(c_size_t), intent(in) :: size
    print '(4a, i0, 1x, i0)', trim(struct), " .", name, " ", transfer(address, start) - start, size
  end subroutine
end program
