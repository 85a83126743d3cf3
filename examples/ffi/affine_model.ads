--  SPDX-License-Identifier: BSD-3-Clause
--  The callbacks of affine.adb: a Gaussian as the model, and a report of progress that cancels once.
with Covsamp; use Covsamp;
with System;

package Affine_Model is
   Visits : Natural := 0; --  of step 3

   function Fill (User : System.Address; Q : Request_Access) return Int32 with Convention => C;
   function Stop_At_Three (User : System.Address; Q : Request_Access) return Int32 with Convention => C;
end Affine_Model;
