--  SPDX-License-Identifier: BSD-3-Clause
with Interfaces;   use Interfaces;
with Interfaces.C; use Interfaces.C;
with System;       use System;

package body Affine_Model is
   subtype Index is Int64 range 0 .. 3;
   type Row is array (Index) of double;
   Mean     : constant Row := (0.5, -1.0, 0.25, 2.0);
   Variance : constant Row := (0.04, 0.3, 1.2, 2.5);
   U        : constant array (Index) of Row :=
     ((0.5, 0.5, 0.5, 0.5), (0.5, -0.5, 0.5, -0.5), (0.5, 0.5, -0.5, -0.5), (0.5, -0.5, -0.5, 0.5));

   --  Out_Row = U gain U r, gain = sigma / (alpha^2 Variance + sigma^2), r = x - alpha Mean or a tangent.  Sums are in
   --  the order of the loops, one rounding an operation: -ffp-contract=off.
   generic
      type Real is digits <>;
      type Values is array (Int64 range <>) of aliased Real;
   package Rotation is
      procedure Rotate (Q : Request; X : Values; Shift : Boolean; Out_Row : out Values);
   end Rotation;

   package body Rotation is
      type Own_Row is array (Index) of Real;

      function Dot (A : Row; R : Own_Row) return Real is
         Sum : Real := Real (A (0)) * R (0);
      begin
         for I in 1 .. Index'Last loop
            Sum := Sum + Real (A (I)) * R (I);
         end loop;
         return Sum;
      end Dot;

      procedure Rotate (Q : Request; X : Values; Shift : Boolean; Out_Row : out Values) is
         R, C : Own_Row;
      begin
         for I in Index loop
            R (I) := X (X'First + I);
            if Shift then
               R (I) := R (I) - Real (Q.Alpha) * Real (Mean (I));
            end if;
         end loop;
         for K in Index loop
            C (K) := Real (Q.Sigma / (Q.Alpha * Q.Alpha * Variance (K) + Q.Sigma * Q.Sigma)) * Dot (U (K), R);
         end loop;
         for I in Index loop
            Out_Row (Out_Row'First + I) := Dot (U (I), C);
         end loop;
      end Rotate;
   end Rotation;

   package In_Double is new Rotation (double, Doubles);
   package In_Single is new Rotation (C_float, Floats);

   --  One batch, At values from the start of the arrays.
   procedure Batch (Q : Request; X, Result : Address; At_Value : Int64; Shift : Boolean) is
      Last  : constant Int64 := At_Value + (Q.Batch - 1) * Q.Stride + Q.Dim - 1;
      First : Int64;
   begin
      for B in 0 .. Q.Batch - 1 loop
         First := At_Value + B * Q.Stride;
         if Q.Dtype = F64 then
            declare
               From : Doubles (0 .. Last) with Import, Address => X;
               Into : Doubles (0 .. Last) with Import, Address => Result;
            begin
               In_Double.Rotate (Q, From (First .. First + 3), Shift, Into (First .. First + 3));
            end;
         else
            declare
               From : Floats (0 .. Last) with Import, Address => X;
               Into : Floats (0 .. Last) with Import, Address => Result;
            begin
               In_Single.Rotate (Q, From (First .. First + 3), Shift, Into (First .. First + 3));
            end;
         end if;
      end loop;
   end Batch;

   function Fill (User : System.Address; Q : Request_Access) return Int32 is
      pragma Unreferenced (User);
   begin
      if Q.Mean /= Null_Address then
         Batch (Q.all, Q.X, Q.Mean, 0, True);
      end if;
      if Q.Product /= Null_Address then
         for K in 0 .. Q.Tangents - 1 loop
            Batch (Q.all, Q.V, Q.Product, K * Q.Tangent_Stride, False);
         end loop;
      end if;
      return OK;
   exception
      when E : others => --  must not pass through C
         Save_Occurrence (Kept, E);
         return -1;
   end Fill;

   function Report (User : System.Address; Q : Request_Access) return Int32 is
      pragma Unreferenced (User);
   begin
      Visits (Q.Step) := Visits (Q.Step) + 1;
      if Q.Step = 5 and then Visits (5) = 1 then
         raise Boom with "at step 5";
      end if;
      return (if Q.Step = 3 and then Visits (3) = 1 then Cancelled else OK);
   exception
      when E : others =>
         Save_Occurrence (Kept, E);
         return -1;
   end Report;
end Affine_Model;
