--  SPDX-License-Identifier: BSD-3-Clause
--  The records of covsamp.ads as tests/abi/layout.c prints C's structs: a line for the size of each and one for each field.
with Ada.Text_IO; use Ada.Text_IO;
with Covsamp;     use Covsamp;

procedure Layouts is
   procedure Field (Struct, Name : String; Position, Bits : Natural) is
   begin
      Put_Line (Struct & " " & Name & Position'Image & Natural'Image (Bits / 8));
   end Field;

   pragma Warnings (Off, "*never assigned*"); --  only their layout is read
   O : Option_Info;
   M : Model;
   N : Stats;
   Q : Request;
   pragma Warnings (On, "*never assigned*");
begin
   Field ("covsamp_option", "size", 0, Option_Info'Size);
   Field ("covsamp_option", ".size", O.Size'Position, O.Size'Size);
   Field ("covsamp_option", ".key", O.Key'Position, O.Key'Size);
   Field ("covsamp_option", ".type", O.Kind'Position, O.Kind'Size);
   Field ("covsamp_option", ".name", O.Name'Position, O.Name'Size);
   Field ("covsamp_option", ".help", O.Help'Position, O.Help'Size);
   Field ("covsamp_option", ".int_low", O.Int_Low'Position, O.Int_Low'Size);
   Field ("covsamp_option", ".int_high", O.Int_High'Position, O.Int_High'Size);
   Field ("covsamp_option", ".int_default", O.Int_Default'Position, O.Int_Default'Size);
   Field ("covsamp_option", ".real_low", O.Real_Low'Position, O.Real_Low'Size);
   Field ("covsamp_option", ".real_high", O.Real_High'Position, O.Real_High'Size);
   Field ("covsamp_option", ".real_default", O.Real_Default'Position, O.Real_Default'Size);
   Field ("covsamp_model", "size", 0, Model'Size);
   Field ("covsamp_model", ".size", M.Size'Position, M.Size'Size);
   Field ("covsamp_model", ".model_user", M.Model_User'Position, M.Model_User'Size);
   Field ("covsamp_model", ".mean", M.Mean'Position, M.Mean'Size);
   Field ("covsamp_model", ".jvp", M.Jvp'Position, M.Jvp'Size);
   Field ("covsamp_model", ".mean_jvp", M.Mean_Jvp'Position, M.Mean_Jvp'Size);
   Field ("covsamp_model", ".noise_user", M.Noise_User'Position, M.Noise_User'Size);
   Field ("covsamp_model", ".noise", M.Noise'Position, M.Noise'Size);
   Field ("covsamp_model", ".progress_user", M.Progress_User'Position, M.Progress_User'Size);
   Field ("covsamp_model", ".progress", M.Progress'Position, M.Progress'Size);
   Field ("covsamp_model", ".vjp", M.Vjp'Position, M.Vjp'Size);
   Field ("covsamp_model", ".guide_user", M.Guide_User'Position, M.Guide_User'Size);
   Field ("covsamp_model", ".guide", M.Guide'Position, M.Guide'Size);
   Field ("covsamp_stats", "size", 0, Stats'Size);
   Field ("covsamp_stats", ".size", N.Size'Position, N.Size'Size);
   Field ("covsamp_stats", ".steps", N.Steps'Position, N.Steps'Size);
   Field ("covsamp_stats", ".mean_requests", N.Mean_Requests'Position, N.Mean_Requests'Size);
   Field ("covsamp_stats", ".jvp_requests", N.Jvp_Requests'Position, N.Jvp_Requests'Size);
   Field ("covsamp_stats", ".jvp_tangents", N.Jvp_Tangents'Position, N.Jvp_Tangents'Size);
   Field ("covsamp_stats", ".products_used", N.Products_Used'Position, N.Products_Used'Size);
   Field ("covsamp_stats", ".products_paid", N.Products_Paid'Position, N.Products_Paid'Size);
   Field ("covsamp_stats", ".ritz_values", N.Ritz_Values'Position, N.Ritz_Values'Size);
   Field ("covsamp_stats", ".ritz_clamped", N.Ritz_Clamped'Position, N.Ritz_Clamped'Size);
   Field ("covsamp_stats", ".breakdowns", N.Breakdowns'Position, N.Breakdowns'Size);
   Field ("covsamp_stats", ".breakdowns_asymmetric", N.Breakdowns_Asymmetric'Position, N.Breakdowns_Asymmetric'Size);
   Field ("covsamp_stats", ".steps_without", N.Steps_Without'Position, N.Steps_Without'Size);
   Field ("covsamp_stats", ".asymmetry", N.Asymmetry'Position, N.Asymmetry'Size);
   Field ("covsamp_stats", ".error_estimate", N.Error_Estimate'Position, N.Error_Estimate'Size);
   Field ("covsamp_stats", ".vjp_requests", N.Vjp_Requests'Position, N.Vjp_Requests'Size);
   Field ("covsamp_stats", ".vjp_tangents", N.Vjp_Tangents'Position, N.Vjp_Tangents'Size);
   Field ("covsamp_stats", ".guide_requests", N.Guide_Requests'Position, N.Guide_Requests'Size);
   Field ("covsamp_request", "size", 0, Request'Size);
   Field ("covsamp_request", ".size", Q.Size'Position, Q.Size'Size);
   Field ("covsamp_request", ".kind", Q.Kind'Position, Q.Kind'Size);
   Field ("covsamp_request", ".dtype", Q.Dtype'Position, Q.Dtype'Size);
   Field ("covsamp_request", ".batch", Q.Batch'Position, Q.Batch'Size);
   Field ("covsamp_request", ".dim", Q.Dim'Position, Q.Dim'Size);
   Field ("covsamp_request", ".stride", Q.Stride'Position, Q.Stride'Size);
   Field ("covsamp_request", ".tangents", Q.Tangents'Position, Q.Tangents'Size);
   Field ("covsamp_request", ".tangent_stride", Q.Tangent_Stride'Position, Q.Tangent_Stride'Size);
   Field ("covsamp_request", ".step", Q.Step'Position, Q.Step'Size);
   Field ("covsamp_request", ".steps", Q.Steps'Position, Q.Steps'Size);
   Field ("covsamp_request", ".level", Q.Level'Position, Q.Level'Size);
   Field ("covsamp_request", ".first_sample", Q.First_Sample'Position, Q.First_Sample'Size);
   Field ("covsamp_request", ".seed", Q.Seed'Position, Q.Seed'Size);
   Field ("covsamp_request", ".owner", Q.Owner'Position, Q.Owner'Size);
   Field ("covsamp_request", ".point", Q.Point'Position, Q.Point'Size);
   Field ("covsamp_request", ".time", Q.Time'Position, Q.Time'Size);
   Field ("covsamp_request", ".alpha", Q.Alpha'Position, Q.Alpha'Size);
   Field ("covsamp_request", ".sigma", Q.Sigma'Position, Q.Sigma'Size);
   Field ("covsamp_request", ".stream", Q.Stream'Position, Q.Stream'Size);
   Field ("covsamp_request", ".branch", Q.Branch'Position, Q.Branch'Size);
   Field ("covsamp_request", ".x", Q.X'Position, Q.X'Size);
   Field ("covsamp_request", ".v", Q.V'Position, Q.V'Size);
   Field ("covsamp_request", ".mean", Q.Mean'Position, Q.Mean'Size);
   Field ("covsamp_request", ".product", Q.Product'Position, Q.Product'Size);
   Field ("covsamp_request", ".noise", Q.Noise'Position, Q.Noise'Size);
   Field ("covsamp_request", ".head", Q.Head'Position, Q.Head'Size);
   Field ("covsamp_request", ".transposed", Q.Transposed'Position, Q.Transposed'Size);
   Field ("covsamp_request", ".gradient", Q.Gradient'Position, Q.Gradient'Size);
   Field ("covsamp_request", ".other_mean", Q.Other_Mean'Position, Q.Other_Mean'Size);
   Field ("covsamp_request", ".other_product", Q.Other_Product'Position, Q.Other_Product'Size);
   Field ("covsamp_request", ".other_transposed", Q.Other_Transposed'Position, Q.Other_Transposed'Size);
   Field ("covsamp_request", ".other_head", Q.Other_Head'Position, Q.Other_Head'Size);
   Field ("covsamp_request", ".ops", Q.Ops'Position, Q.Ops'Size);
   Field ("covsamp_request", ".products_follow", Q.Products_Follow'Position, Q.Products_Follow'Size);
   Field ("covsamp_request", ".reserved", Q.Reserved'Position, Q.Reserved'Size);
end Layouts;
